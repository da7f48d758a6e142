// A canister in C on nothing but the system API: a counter in memory that saves itself, calls others and sets timers.
#include <stddef.h>
#include <stdint.h>

#define IC0(name) __attribute__((import_module("ic0"), import_name(#name)))
#define EXPORT(name) __attribute__((export_name(name)))

IC0(msg_arg_data_size) size_t msg_arg_data_size(void);
IC0(msg_arg_data_copy) void msg_arg_data_copy(void *destination, size_t offset, size_t size);
IC0(msg_caller_size) size_t msg_caller_size(void);
IC0(msg_caller_copy) void msg_caller_copy(void *destination, size_t offset, size_t size);
IC0(msg_reply_data_append) void msg_reply_data_append(const void *source, size_t size);
IC0(msg_reply) void msg_reply(void);
IC0(msg_reject) void msg_reject(const void *source, size_t size);
IC0(msg_reject_msg_size) size_t msg_reject_msg_size(void);
IC0(msg_reject_msg_copy) void msg_reject_msg_copy(void *destination, size_t offset, size_t size);
IC0(call_new) void call_new(const void *callee, size_t callee_size, const void *name, size_t name_size, size_t reply, size_t reply_env, size_t reject, size_t reject_env);
IC0(call_on_cleanup) void call_on_cleanup(size_t function, size_t environment);
IC0(call_data_append) void call_data_append(const void *source, size_t size);
IC0(call_perform) uint32_t call_perform(void);
IC0(stable64_size) uint64_t stable64_size(void);
IC0(stable64_grow) uint64_t stable64_grow(uint64_t pages);
IC0(stable64_write) void stable64_write(uint64_t offset, uint64_t source, uint64_t size);
IC0(stable64_read) void stable64_read(uint64_t destination, uint64_t offset, uint64_t size);
IC0(global_timer_set) uint64_t global_timer_set(uint64_t timestamp);
IC0(debug_print) void debug_print(const void *source, size_t size);
IC0(trap) void trap(const void *source, size_t size);

static uint64_t count = 100;
static uint64_t cleaned;
static uint64_t fired;
static uint8_t buffer[65536];

static void reply(const void *data, size_t size) {
  msg_reply_data_append(data, size);
  msg_reply();
}

static size_t argument(void) {
  size_t size = msg_arg_data_size();
  if (size > sizeof buffer) trap("too long", 8);
  msg_arg_data_copy(buffer, 0, size);
  return size;
}

EXPORT("canister_init") void init(void) { count += argument(); }

EXPORT("canister_update inc") void inc(void) {
  count += 1;
  debug_print("counted", 7);
  reply(&count, sizeof count);
}

EXPORT("canister_query get") void get(void) {
  uint64_t all[] = {count, cleaned, fired};
  reply(all, sizeof all);
}

EXPORT("canister_query echo") void echo(void) { reply(buffer, argument()); }

EXPORT("canister_query caller") void caller(void) {
  size_t size = msg_caller_size();
  msg_caller_copy(buffer, 0, size);
  reply(buffer, size);
}

EXPORT("canister_update fail") void fail(void) {
  count += 1000;
  trap("failed on purpose", 17);
}

EXPORT("canister_update overrun") void overrun(void) {
  count += 1000;
  volatile uint8_t *far = (volatile uint8_t *)(uintptr_t)0x7fffffff;
  reply((const void *)far, *far);
}

static void on_reply(size_t step) {
  count += step;
  if (msg_arg_data_size() > 8) trap("the callback fails", 18);
  reply(buffer, argument());
}

static void on_reject(size_t step) {
  size_t size = msg_reject_msg_size();
  (void)step;
  msg_reject_msg_copy(buffer, 0, size);
  msg_reject(buffer, size);
}

static void on_cleanup(size_t step) { cleaned += step; }

// The argument is the length of a canister's id, the id, and the name of a method.
EXPORT("canister_update call") void call(void) {
  size_t size = argument(), callee = buffer[0];
  count += 10;
  call_new(buffer + 1, callee, buffer + 1 + callee, size - 1 - callee, (size_t)on_reply, 5, (size_t)on_reject, 6);
  call_on_cleanup((size_t)on_cleanup, 7);
  if (call_perform() != 0) trap("not sent", 8);
}

EXPORT("canister_update later") void later(void) {
  global_timer_set(1);
  reply("", 0);
}

EXPORT("canister_global_timer") void timer(void) { fired += 1; }

EXPORT("canister_pre_upgrade") void save(void) {
  if (stable64_size() == 0) stable64_grow(1);
  stable64_write(0, (uintptr_t)&count, sizeof count);
}

EXPORT("canister_post_upgrade") void load(void) {
  stable64_read((uintptr_t)&count, 0, sizeof count);
  if (argument() > 0) trap("refused by post_upgrade", 23);
}
