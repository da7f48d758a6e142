//! What a sync plugin gets from its host, as the component model's canonical ABI passes it: strings and
//! lists are a pointer and a length, results come back through a pointer to a tag and a value.
//! No libc and no adapter are involved, so the component holds nothing but the plugin.
const std = @import("std");

const allocator = std.heap.wasm_allocator;

const import = struct {
    extern "host" fn @"canister-call"(method: [*]const u8, method_len: usize, arg: [*]const u8, arg_len: usize, call_type: i32, direct: i32, cycles: i64, result: *CallResult) void;
    extern "host" fn @"get-stdout"() i32;
    extern "host" fn @"get-stderr"() i32;
    extern "host" fn write(stream: i32, bytes: [*]const u8, len: usize, result: *[3]u32) void;
    extern "host" fn @"get-directories"(result: *Slice(Preopen)) void;
    extern "host" fn @"read-directory"(directory: i32, result: *[2]u32) void;
    extern "host" fn @"read-directory-entry"(entries: i32, result: *[5]u32) void;
    extern "host" fn @"open-at"(directory: i32, path_flags: i32, path: [*]const u8, path_len: usize, open_flags: i32, flags: i32, result: *[2]u32) void;
    extern "host" fn read(file: i32, length: i64, offset: i64, result: *[4]u32) void;
    extern "host" fn @"drop-descriptor"(descriptor: i32) void;
    extern "host" fn @"drop-directory-entry-stream"(entries: i32) void;
};

/// A list as the canonical ABI lays it out.
pub fn Slice(comptime Item: type) type {
    return extern struct {
        ptr: [*]Item,
        len: usize,

        pub fn items(self: @This()) []Item {
            return self.ptr[0..self.len];
        }
    };
}

pub const Text = Slice(u8);
pub const Preopen = extern struct { descriptor: i32, name: Text };
pub const ExecResult = extern struct { tag: u32, message: Text };
const CallResult = extern struct { tag: u32, value: Text };

pub const Error = error{ CallFailed, ReadFailed, OutOfMemory };
pub const CallType = enum(i32) { update = 0, query = 1 };
pub const Kind = enum(u8) { unknown, block_device, character_device, directory, fifo, symbolic_link, regular_file, socket, _ };

/// The text of the error that the last failed operation left.
pub var failure: []const u8 = "";

/// The host allocates what it passes in with this function.
export fn cabi_realloc(old: ?[*]u8, old_len: usize, alignment: usize, len: usize) ?[*]u8 {
    if (len == 0) return @ptrFromInt(alignment);
    const fresh = allocator.rawAlloc(len, .@"8", @returnAddress()) orelse @trap();
    if (old_len > 0) {
        @memcpy(fresh[0..@min(old_len, len)], old.?[0..@min(old_len, len)]);
        allocator.rawFree(old.?[0..old_len], .@"8", @returnAddress());
    }
    return fresh;
}

/// Give back bytes that the host passed in.
pub fn free(bytes: []u8) void {
    if (bytes.len > 0) allocator.rawFree(bytes, .@"8", @returnAddress());
}

/// Call a method of the canister that is being synced; the reply belongs to the caller.
pub fn call(method: []const u8, arg: []const u8, call_type: CallType) Error![]u8 {
    var result: CallResult = undefined;
    import.@"canister-call"(method.ptr, method.len, arg.ptr, arg.len, @backingInt(call_type), 0, 0, &result);
    if (result.tag & 0xff != 0) {
        failure = result.value.items();
        return error.CallFailed;
    }
    return result.value.items();
}

/// Print a line: standard output is progress, standard error is what the user should keep.
pub fn print(comptime stream: Stream, comptime format: []const u8, arguments: anytype) void {
    const text = std.fmt.allocPrint(allocator, format ++ "\n", arguments) catch return;
    defer allocator.free(text);
    const handle = streams[@backingInt(stream)] orelse switch (stream) {
        .out => import.@"get-stdout"(),
        .err => import.@"get-stderr"(),
    };
    streams[@backingInt(stream)] = handle;
    var rest = text;
    while (rest.len > 0) {
        const len = @min(rest.len, max_write);
        var result: [3]u32 = undefined;
        import.write(handle, rest.ptr, len, &result);
        if (result[0] & 0xff != 0) return;
        rest = rest[len..];
    }
}

const Stream = enum { out, err };
const max_write = 4096; // the most that `blocking-write-and-flush` takes at once
var streams: [2]?i32 = .{ null, null };

/// The directories that the manifest declares, opened for reading.
pub fn preopens() []Preopen {
    var result: Slice(Preopen) = undefined;
    import.@"get-directories"(&result);
    return result.items();
}

pub const Directory = struct {
    descriptor: i32,

    pub const Entry = struct { kind: Kind, name: []u8 };

    /// All entries; the caller owns the list and the names.
    pub fn list(self: Directory) Error![]Entry {
        var opened: [2]u32 = undefined;
        import.@"read-directory"(self.descriptor, &opened);
        if (opened[0] & 0xff != 0) return error.ReadFailed;
        const stream: i32 = @bitCast(opened[1]);
        defer import.@"drop-directory-entry-stream"(stream);
        var entries: std.ArrayList(Entry) = .empty;
        while (true) {
            var result: [5]u32 = undefined;
            import.@"read-directory-entry"(stream, &result);
            if (result[0] & 0xff != 0) return error.ReadFailed;
            if (result[1] & 0xff == 0) return entries.toOwnedSlice(allocator);
            const name: [*]u8 = @ptrFromInt(result[3]);
            try entries.append(allocator, .{ .kind = @fromBackingInt(@intCast(result[2] & 0xff)), .name = name[0..result[4]] });
        }
    }

    /// Open a directory in this one; links are not followed.
    pub fn open(self: Directory, name: []const u8) Error!Directory {
        return .{ .descriptor = try openAt(self.descriptor, name, 2) };
    }

    /// Read a file of this directory; the caller owns the bytes.
    pub fn read(self: Directory, name: []const u8) Error![]u8 {
        const file = try openAt(self.descriptor, name, 0);
        defer import.@"drop-descriptor"(file);
        var content: std.ArrayList(u8) = .empty;
        while (true) {
            var result: [4]u32 = undefined;
            import.read(file, 1 << 16, @intCast(content.items.len), &result);
            if (result[0] & 0xff != 0) return error.ReadFailed;
            const bytes: [*]u8 = @ptrFromInt(result[1]);
            try content.appendSlice(allocator, bytes[0..result[2]]);
            free(bytes[0..result[2]]);
            if (result[3] & 0xff != 0 or result[2] == 0) return content.toOwnedSlice(allocator);
        }
    }

    pub fn close(self: Directory) void {
        import.@"drop-descriptor"(self.descriptor);
    }
};

fn openAt(directory: i32, name: []const u8, open_flags: i32) Error!i32 {
    const read_only = 1;
    var result: [2]u32 = undefined;
    import.@"open-at"(directory, 0, name.ptr, name.len, open_flags, read_only, &result);
    if (result[0] & 0xff != 0) return error.ReadFailed;
    return @bitCast(result[1]);
}
