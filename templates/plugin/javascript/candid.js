// As much of Candid as this plugin needs: texts out, an optional text back; and UTF-8.

const MAGIC = [0x44, 0x49, 0x44, 0x4c]; // DIDL
const TEXT = 0x71;
const OPTIONAL_TEXT = [...MAGIC, 1, 0x6e, TEXT, 1, 0];

// The message `(text, …)`.
export function encodeTexts(texts) {
  const parts = [Uint8Array.from([...MAGIC, 0, ...length(texts.length), ...texts.map(() => TEXT)])];
  for (const text of texts) {
    const bytes = toUtf8(text);
    parts.push(Uint8Array.from(length(bytes.length)), bytes);
  }
  const message = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let position = 0;
  for (const part of parts) {
    message.set(part, position);
    position += part.length;
  }
  return message;
}

// What is in the message `(opt text)`, `null` for none; throws for any other message.
export function decodeOptionalText(message) {
  if (OPTIONAL_TEXT.some((byte, index) => message[index] !== byte)) throw new Error('not an optional text');
  let position = OPTIONAL_TEXT.length;
  if (message[position++] !== 1) return null;
  let size = 0;
  let part;
  for (let shift = 1; ; shift *= 128) {
    part = message[position++];
    if (part === undefined) throw new Error('the message ends too early');
    size += (part & 0x7f) * shift;
    if (part < 0x80) break;
  }
  if (position + size > message.length) throw new Error('the message ends too early');
  const text = fromUtf8(message.subarray(position, position + size));
  if (text === undefined) throw new Error('not UTF-8');
  return text;
}

function length(number) {
  const bytes = [];
  for (; number > 0x7f; number = Math.floor(number / 128)) bytes.push((number % 128) | 0x80);
  return [...bytes, number];
}

export function toUtf8(text) {
  const binary = unescape(encodeURIComponent(text));
  const bytes = new Uint8Array(binary.length);
  for (let index = 0; index < binary.length; index++) bytes[index] = binary.charCodeAt(index);
  return bytes;
}

// The text of bytes, or `undefined` where they are not UTF-8.
export function fromUtf8(bytes) {
  const parts = [];
  for (let start = 0; start < bytes.length; start += 4096) {
    parts.push(String.fromCharCode(...bytes.subarray(start, start + 4096)));
  }
  try {
    return decodeURIComponent(escape(parts.join('')));
  } catch {
    return undefined;
  }
}
