#include "candid.h"

#include <string.h>

static const char OPTIONAL_TEXT[] = "DIDL\x01\x6e\x71\x01"; // and the 0 that ends it: the type `opt text`
enum { TEXT = 0x71, LONGEST_NUMBER = 5 };

static char *write_number(char *place, size_t number) {
    for (; number > 0x7f; number >>= 7) *place++ = (char)(number | 0x80);
    *place++ = (char)number;
    return place;
}

text encode_texts(const text *texts, size_t count) {
    size_t most = 5 + LONGEST_NUMBER + count;
    for (size_t index = 0; index < count; index++) most += LONGEST_NUMBER + texts[index].size;
    char *start = allocate(most);
    memcpy(start, "DIDL", 5); // and its 0: no types of its own
    char *place = write_number(start + 5, count);
    memset(place, TEXT, count);
    place += count;
    for (size_t index = 0; index < count; index++) {
        place = write_number(place, texts[index].size);
        memcpy(place, texts[index].data, texts[index].size);
        place += texts[index].size;
    }
    return (text){start, place - start};
}

bool decode_optional_text(text message, bool *present, text *value) {
    size_t position = sizeof OPTIONAL_TEXT;
    if (message.size <= position || memcmp(message.data, OPTIONAL_TEXT, position) != 0) return false;
    *present = message.data[position++] == 1;
    if (!*present) return true;
    size_t size = 0;
    for (int shift = 0;; shift += 7) {
        if (position == message.size || shift > 28) return false;
        unsigned char part = message.data[position++];
        size |= (size_t)(part & 0x7f) << shift;
        if (part < 0x80) break;
    }
    if (size > message.size - position) return false;
    *value = (text){message.data + position, size};
    return true;
}

bool is_utf8(text bytes) {
    const unsigned char *at = (const unsigned char *)bytes.data, *end = at + bytes.size;
    while (at < end) {
        unsigned char first = *at++;
        if (first < 0x80) continue;
        int more = first >= 0xc2 && first < 0xe0 ? 1 : first >= 0xe0 && first < 0xf0 ? 2 : first >= 0xf0 && first < 0xf5 ? 3 : 0;
        if (more == 0 || end - at < more) return false;
        // Of the second byte some values would be too long a form, a surrogate, or beyond Unicode.
        unsigned char least = first == 0xe0 ? 0xa0 : first == 0xf0 ? 0x90 : 0x80;
        unsigned char most = first == 0xed ? 0x9f : first == 0xf4 ? 0x8f : 0xbf;
        if (*at < least || *at > most) return false;
        for (int index = 0; index < more; index++) {
            if ((*at++ & 0xc0) != 0x80) return false;
        }
    }
    return true;
}
