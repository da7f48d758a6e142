//! What a sync plugin gets from its host, as the component model's canonical ABI passes it: strings and lists are a
//! pointer and a length, results come back through a pointer to a tag and a value. Imports have the names of their
//! interfaces in WIT. No libc and no adapter are involved, so the component holds nothing but the plugin.
const std = @import("std");

const allocator = std.heap.wasm_allocator;

const import = struct {
    extern "$root" fn @"canister-call"(method: [*]const u8, method_len: usize, arg: [*]const u8, arg_len: usize, call_type: i32, direct: i32, cycles: i64, result: *Reply) void;
    extern "wasi:cli/stdout@0.2.0" fn @"get-stdout"() i32;
    extern "wasi:cli/stderr@0.2.0" fn @"get-stderr"() i32;
    extern "wasi:io/streams@0.2.0" fn @"[method]output-stream.blocking-write-and-flush"(stream: i32, bytes: [*]const u8, len: usize, result: *[3]u32) void;
    extern "wasi:filesystem/preopens@0.2.0" fn @"get-directories"(result: *Slice(Preopen)) void;
    extern "wasi:filesystem/types@0.2.0" fn @"[method]descriptor.read-directory"(directory: i32, result: *[2]u32) void;
    extern "wasi:filesystem/types@0.2.0" fn @"[method]directory-entry-stream.read-directory-entry"(entries: i32, result: *[5]u32) void;
    extern "wasi:filesystem/types@0.2.0" fn @"[method]descriptor.open-at"(directory: i32, path_flags: i32, path: [*]const u8, path_len: usize, open_flags: i32, flags: i32, result: *[2]u32) void;
    extern "wasi:filesystem/types@0.2.0" fn @"[method]descriptor.read"(file: i32, length: i64, offset: i64, result: *[4]u32) void;
    extern "wasi:filesystem/types@0.2.0" fn @"[resource-drop]descriptor"(descriptor: i32) void;
    extern "wasi:filesystem/types@0.2.0" fn @"[resource-drop]directory-entry-stream"(entries: i32) void;
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
pub const File = extern struct { name: Text, content: Text };
const Preopen = extern struct { descriptor: i32, name: Text };
const Result = extern struct { tag: u32, message: Text };
const Reply = extern struct { tag: u32, value: Text };

/// What one run is about; the fields are explained in the WIT.
pub const Input = struct {
    canister_id: []const u8,
    environment: []const u8,
    directories: []const Text,
    files: []const File,
    identity_principal: []const u8,
    proxy_canister_id: ?[]const u8,
};

pub const Failure = error{ Failed, OutOfMemory };
pub const CallType = enum(i32) { update = 0, query = 1 };
pub const Kind = enum(u8) { unknown, block_device, character_device, directory, fifo, symbolic_link, regular_file, socket, _ };

/// The text of the error that the last failed operation left; it is what the user reads when `run` fails.
pub var failure: []const u8 = "";

/// Fail with a text.
pub fn fail(comptime format: []const u8, arguments: anytype) Failure {
    failure = try std.fmt.allocPrint(allocator, format, arguments);
    return error.Failed;
}

var result: Result = undefined;

/// The entry point: the plugin's root file has the function `run`.
export fn exec(canister_id: [*]u8, canister_id_len: usize, environment: [*]u8, environment_len: usize, directories: [*]Text, directory_count: usize, files: [*]File, file_count: usize, identity: [*]u8, identity_len: usize, has_proxy: i32, proxy: [*]u8, proxy_len: usize) *Result {
    const input: Input = .{
        .canister_id = canister_id[0..canister_id_len],
        .environment = environment[0..environment_len],
        .directories = directories[0..directory_count],
        .files = files[0..file_count],
        .identity_principal = identity[0..identity_len],
        .proxy_canister_id = if (has_proxy == 0) null else proxy[0..proxy_len],
    };
    result.tag = 0;
    @import("root").run(input) catch |problem| {
        const text: []const u8 = if (problem == error.OutOfMemory) "out of memory" else failure;
        result = .{ .tag = 1, .message = .{ .ptr = @constCast(text.ptr), .len = text.len } };
    };
    return &result;
}

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
pub fn call(method: []const u8, arg: []const u8, call_type: CallType) Failure![]u8 {
    var reply: Reply = undefined;
    import.@"canister-call"(method.ptr, method.len, arg.ptr, arg.len, @backingInt(call_type), 0, 0, &reply);
    if (reply.tag & 0xff != 0) {
        failure = reply.value.items();
        return error.Failed;
    }
    return reply.value.items();
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
        var written: [3]u32 = undefined;
        import.@"[method]output-stream.blocking-write-and-flush"(handle, rest.ptr, len, &written);
        if (written[0] & 0xff != 0) return;
        rest = rest[len..];
    }
}

const Stream = enum { out, err };
const max_write = 4096; // the most that a stream takes at once
var streams: [2]?i32 = .{ null, null };

pub const Directory = struct {
    descriptor: i32,

    pub const Entry = struct {
        kind: Kind,
        name: []u8,

        fn isBefore(_: void, left: Entry, right: Entry) bool {
            return std.mem.lessThan(u8, left.name, right.name);
        }
    };

    /// Find a directory that the step declares, by the name that it has there.
    pub fn declared(name: []const u8) Failure!Directory {
        var opened: Slice(Preopen) = undefined;
        import.@"get-directories"(&opened);
        for (opened.items()) |preopen| {
            if (std.mem.eql(u8, preopen.name.items(), name)) return .{ .descriptor = preopen.descriptor };
        }
        return fail("the directory {s} is not there", .{name});
    }

    /// All entries, sorted by name; the caller owns the list and the names.
    pub fn list(self: Directory) Failure![]Entry {
        var opened: [2]u32 = undefined;
        import.@"[method]descriptor.read-directory"(self.descriptor, &opened);
        if (opened[0] & 0xff != 0) return fail("a directory cannot be listed", .{});
        const stream: i32 = @bitCast(opened[1]);
        defer import.@"[resource-drop]directory-entry-stream"(stream);
        var entries: std.ArrayList(Entry) = .empty;
        while (true) {
            var entry: [5]u32 = undefined;
            import.@"[method]directory-entry-stream.read-directory-entry"(stream, &entry);
            if (entry[0] & 0xff != 0) return fail("a directory cannot be listed", .{});
            if (entry[1] & 0xff == 0) break;
            const name: [*]u8 = @ptrFromInt(entry[3]);
            try entries.append(allocator, .{ .kind = @fromBackingInt(@intCast(entry[2] & 0xff)), .name = name[0..entry[4]] });
        }
        std.mem.sort(Entry, entries.items, {}, Entry.isBefore);
        return entries.toOwnedSlice(allocator);
    }

    /// Open a directory in this one; links are not followed.
    pub fn open(self: Directory, name: []const u8) Failure!Directory {
        return .{ .descriptor = try openAt(self.descriptor, name, 2) };
    }

    /// Read a file of this directory; the caller owns the bytes.
    pub fn read(self: Directory, name: []const u8) Failure![]u8 {
        const file = try openAt(self.descriptor, name, 0);
        defer import.@"[resource-drop]descriptor"(file);
        var content: std.ArrayList(u8) = .empty;
        while (true) {
            var part: [4]u32 = undefined;
            import.@"[method]descriptor.read"(file, 1 << 16, @intCast(content.items.len), &part);
            if (part[0] & 0xff != 0) return fail("{s} cannot be read", .{name});
            const bytes: [*]u8 = @ptrFromInt(part[1]);
            try content.appendSlice(allocator, bytes[0..part[2]]);
            free(bytes[0..part[2]]);
            if (part[3] & 0xff != 0 or part[2] == 0) return content.toOwnedSlice(allocator);
        }
    }

    pub fn close(self: Directory) void {
        import.@"[resource-drop]descriptor"(self.descriptor);
    }
};

fn openAt(directory: i32, name: []const u8, open_flags: i32) Failure!i32 {
    const read_only = 1;
    var opened: [2]u32 = undefined;
    import.@"[method]descriptor.open-at"(directory, 0, name.ptr, name.len, open_flags, read_only, &opened);
    if (opened[0] & 0xff != 0) return fail("{s} cannot be opened", .{name});
    return @bitCast(opened[1]);
}
