//! The sync plugin of the phrase book: every file `<key>.txt` below the declared directories is a phrase.
//! It asks the canister for each phrase first and sends only those that differ, so it may run as often as
//! one likes.
const std = @import("std");
const host = @import("host.zig");

pub const panic = std.debug.no_panic;

comptime {
    _ = host; // it has the entry point, which calls `run`
}

const allocator = std.heap.wasm_allocator;
const suffix = ".txt";

// The start of the message `(opt text)`: a table with the one type `opt text`, one value of that type.
const optional_text = "DIDL\x01\x6e\x71\x01\x00";

const Count = struct { sent: usize = 0, unchanged: usize = 0 };

/// Runs once; where it fails, `host.failure` is what the user reads.
pub fn run(input: host.Input) host.Failure!void {
    var count: Count = .{};
    for (input.directories) |name| {
        try walk(try host.Directory.declared(name.items()), &count);
    }
    host.print(.err, "{d} phrases sent, {d} unchanged", .{ count.sent, count.unchanged });
}

fn walk(directory: host.Directory, count: *Count) host.Failure!void {
    for (try directory.list()) |entry| {
        switch (entry.kind) {
            .directory => {
                const inner = try directory.open(entry.name);
                defer inner.close();
                try walk(inner, count);
            },
            .regular_file => if (std.mem.endsWith(u8, entry.name, suffix)) {
                const content = try directory.read(entry.name);
                defer allocator.free(content);
                const value = std.mem.trim(u8, content, " \t\r\n");
                try put(entry.name[0 .. entry.name.len - suffix.len], value, count);
            },
            else => {},
        }
    }
}

fn put(key: []const u8, value: []const u8, count: *Count) host.Failure!void {
    const known = try lookUp(key);
    if (known) |text| {
        if (std.mem.eql(u8, text, value)) {
            count.unchanged += 1;
            return;
        }
    }
    var arg: std.Io.Writer.Allocating = .init(allocator);
    defer arg.deinit();
    writePhrase(&arg.writer, key, value) catch return error.OutOfMemory;
    host.free(try host.call("put", arg.written(), .update));
    count.sent += 1;
    host.print(.out, "{s}: {s}", .{ key, value });
}

/// The message `(record { key : text; value : text })`: fields in the order of their hashes.
fn writePhrase(writer: *std.Io.Writer, key: []const u8, value: []const u8) std.Io.Writer.Error!void {
    try writer.writeAll("DIDL\x01\x6c\x02");
    inline for (.{ "key", "value" }) |field| {
        try writer.writeUleb128(comptime fieldHash(field));
        try writer.writeByte(0x71);
    }
    try writer.writeAll("\x01\x00");
    try writeText(writer, key);
    try writeText(writer, value);
}

fn lookUp(key: []const u8) host.Failure!?[]const u8 {
    var arg: std.Io.Writer.Allocating = .init(allocator);
    defer arg.deinit();
    writeKey(&arg.writer, key) catch return error.OutOfMemory;
    const reply = try host.call("get", arg.written(), .query);
    return decodeOptionalText(reply) catch host.fail("the canister's `get` did not answer an optional text", .{});
}

fn writeKey(writer: *std.Io.Writer, key: []const u8) std.Io.Writer.Error!void {
    try writer.writeAll("DIDL\x00\x01\x71");
    try writeText(writer, key);
}

fn writeText(writer: *std.Io.Writer, text: []const u8) std.Io.Writer.Error!void {
    try writer.writeUleb128(text.len);
    try writer.writeAll(text);
}

fn decodeOptionalText(message: []const u8) error{NotOptionalText}!?[]const u8 {
    if (!std.mem.startsWith(u8, message, optional_text)) return error.NotOptionalText;
    var reader: std.Io.Reader = .fixed(message[optional_text.len..]);
    const present = reader.takeByte() catch return error.NotOptionalText;
    if (present == 0) return null;
    const len = reader.takeLeb128(u32) catch return error.NotOptionalText;
    return reader.take(len) catch return error.NotOptionalText;
}

fn fieldHash(comptime name: []const u8) u32 {
    var hash: u32 = 0;
    for (name) |character| hash = hash *% 223 +% character;
    return hash;
}

comptime {
    std.debug.assert(fieldHash("key") < fieldHash("value"));
}
