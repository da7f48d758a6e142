// As much of Candid as this plugin needs: texts out, an optional text back.
#ifndef CANDID_H
#define CANDID_H

#include "host.h"

// The message `(text, …)`.
text encode_texts(const text *texts, size_t count);

// What is in the message `(opt text)`; answers false for any other message. `value` points into the message.
bool decode_optional_text(text message, bool *present, text *value);

// Tells whether bytes are UTF-8, as a Candid text must be.
bool is_utf8(text bytes);

#endif
