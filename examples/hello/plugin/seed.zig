//! The sync plugin of the phrase book: every file `<key>.txt` below the declared directories is a phrase.
//! It asks the canister for each phrase first and sends only those that differ, so it may run as often as
//! one likes.
const std = @import("std");
const host = @import("host.zig");

pub const panic = std.debug.no_panic;

const allocator = std.heap.wasm_allocator;
const suffix = ".txt";

// The start of the message `(opt text)`: a table with the one type `opt text`, one value of that type.
const optional_text = "DIDL\x01\x6e\x71\x01\x00";

const Count = struct { sent: usize = 0, unchanged: usize = 0 };
const Failure = host.Error || error{ WriteFailed, NotAMessage };

var result: host.ExecResult = undefined;

/// The entry point. Of its input only the list of directories matters here.
export fn exec(
    _: [*]u8,
    _: usize, // canister-id
    _: [*]u8,
    _: usize, // environment
    directories: [*]host.Text,
    directory_count: usize,
    _: [*]u8,
    _: usize, // files
    _: [*]u8,
    _: usize, // identity-principal
    _: i32,
    _: [*]u8,
    _: usize, // proxy-canister-id
) *host.ExecResult {
    var count: Count = .{};
    result.tag = 0;
    for (directories[0..directory_count]) |directory| {
        seed(directory.items(), &count) catch |failure| return failed(failure);
    }
    host.print(.err, "{d} phrases sent, {d} unchanged", .{ count.sent, count.unchanged });
    return &result;
}

fn failed(failure: Failure) *host.ExecResult {
    const text = switch (failure) {
        error.CallFailed => host.failure,
        error.NotAMessage => "the canister's `get` did not answer an optional text",
        error.ReadFailed => "a declared directory cannot be read",
        error.OutOfMemory, error.WriteFailed => "out of memory",
    };
    result = .{ .tag = 1, .message = .{ .ptr = @constCast(text.ptr), .len = text.len } };
    return &result;
}

fn seed(name: []const u8, count: *Count) Failure!void {
    for (host.preopens()) |preopen| {
        if (!std.mem.eql(u8, preopen.name.items(), name)) continue;
        return walk(.{ .descriptor = preopen.descriptor }, count);
    }
    return error.ReadFailed;
}

fn walk(directory: host.Directory, count: *Count) Failure!void {
    const entries = try directory.list();
    std.mem.sort(host.Directory.Entry, entries, {}, byName);
    for (entries) |entry| {
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

fn byName(_: void, left: host.Directory.Entry, right: host.Directory.Entry) bool {
    return std.mem.lessThan(u8, left.name, right.name);
}

fn put(key: []const u8, value: []const u8, count: *Count) Failure!void {
    const known = try lookUp(key);
    if (known) |text| {
        if (std.mem.eql(u8, text, value)) {
            count.unchanged += 1;
            return;
        }
    }
    var arg: std.Io.Writer.Allocating = .init(allocator);
    defer arg.deinit();
    // (record { key : text; value : text }): fields in the order of their hashes.
    try arg.writer.writeAll("DIDL\x01\x6c\x02");
    inline for (.{ "key", "value" }) |field| {
        try arg.writer.writeUleb128(comptime fieldHash(field));
        try arg.writer.writeByte(0x71);
    }
    try arg.writer.writeAll("\x01\x00");
    try writeText(&arg.writer, key);
    try writeText(&arg.writer, value);
    host.free(try host.call("put", arg.written(), .update));
    count.sent += 1;
    host.print(.out, "{s}: {s}", .{ key, value });
}

fn lookUp(key: []const u8) Failure!?[]const u8 {
    var arg: std.Io.Writer.Allocating = .init(allocator);
    defer arg.deinit();
    try arg.writer.writeAll("DIDL\x00\x01\x71");
    try writeText(&arg.writer, key);
    const reply = try host.call("get", arg.written(), .query);
    if (!std.mem.startsWith(u8, reply, optional_text)) return error.NotAMessage;
    var reader: std.Io.Reader = .fixed(reply[optional_text.len..]);
    const present = reader.takeByte() catch return error.NotAMessage;
    if (present == 0) return null;
    const len = reader.takeLeb128(u32) catch return error.NotAMessage;
    return reader.take(len) catch return error.NotAMessage;
}

fn writeText(writer: *std.Io.Writer, text: []const u8) Failure!void {
    try writer.writeUleb128(text.len);
    try writer.writeAll(text);
}

fn fieldHash(comptime name: []const u8) u32 {
    var hash: u32 = 0;
    for (name) |character| hash = hash *% 223 +% character;
    return hash;
}

comptime {
    std.debug.assert(fieldHash("key") < fieldHash("value"));
}
