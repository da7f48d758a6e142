//! As much of Candid as this plugin needs: texts out, an optional text back.
const std = @import("std");

// The start of the message `(opt text)`: a table with the one type `opt text`, one value of that type.
const optional_text = "DIDL\x01\x6e\x71\x01\x00";

/// The message `(text, …)`; the caller owns it.
pub fn encodeTexts(allocator: std.mem.Allocator, texts: []const []const u8) error{OutOfMemory}![]u8 {
    var message: std.Io.Writer.Allocating = .init(allocator);
    write(&message.writer, texts) catch return error.OutOfMemory;
    return message.toOwnedSlice();
}

fn write(writer: *std.Io.Writer, texts: []const []const u8) std.Io.Writer.Error!void {
    try writer.writeAll("DIDL\x00");
    try writer.writeUleb128(texts.len);
    for (texts) |_| try writer.writeByte(0x71);
    for (texts) |text| {
        try writer.writeUleb128(text.len);
        try writer.writeAll(text);
    }
}

/// What is in the message `(opt text)`; it points into the message.
pub fn decodeOptionalText(message: []const u8) error{NotOptionalText}!?[]const u8 {
    if (!std.mem.startsWith(u8, message, optional_text)) return error.NotOptionalText;
    var reader: std.Io.Reader = .fixed(message[optional_text.len..]);
    const present = reader.takeByte() catch return error.NotOptionalText;
    if (present == 0) return null;
    const len = reader.takeLeb128(u32) catch return error.NotOptionalText;
    return reader.take(len) catch return error.NotOptionalText;
}
