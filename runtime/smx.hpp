/* C++17 over smx.h: a status that cannot be ignored, and threads from a
 * callable. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */

#ifndef SMX_HPP
#define SMX_HPP

#include "smx.h"

#include <type_traits>
#include <utility>

#if defined(__cpp_exceptions)
#include <stdexcept>
#include <string>
#endif

namespace smx {

/* What a kernel returned. Never throws; the compiler warns when one is dropped.
 *
 *   if (smx::status s = softmax_dx1000_f32(x, y, rows); !s.ok())
 *     std::fprintf(stderr, "%s\n", s.message());
 */
class [[nodiscard]] status {
public:
  constexpr status(int32_t code) noexcept : value(code) {}

  constexpr bool ok() const noexcept { return value == SMX_OK; }
  constexpr int32_t code() const noexcept { return value; }
  const char *message() const noexcept { return smx_status_string(value); }

  friend constexpr bool operator==(status a, status b) noexcept {
    return a.value == b.value;
  }
  friend constexpr bool operator!=(status a, status b) noexcept {
    return a.value != b.value;
  }

private:
  int32_t value;
};

#if defined(__cpp_exceptions)

/* `what()` is the last error of the thread that threw. */
class error : public std::runtime_error {
public:
  error(status failure, const char *text)
      : std::runtime_error(text), failure(failure) {}

  status code() const noexcept { return failure; }

private:
  status failure;
};

/* Throws `smx::error` unless the call succeeded. Wrap the call itself, because
 * the text is that of the thread's last failing call:
 *
 *   smx::throw_if_failed(softmax_dx1000_f32(x, y, rows));
 */
inline void throw_if_failed(status result) {
  if (result.ok())
    return;
  const char *text = smx_last_error();
  throw error(result, *text ? text : result.message());
}

#endif

/* The work of one parallel-for: call it on ranges that cover [0, tasks). */
class task_body {
public:
  using function = void (*)(void *closure, int64_t begin, int64_t end);

  task_body(function body, void *closure) noexcept
      : body(body), closure(closure) {}

  void operator()(int64_t begin, int64_t end) const {
    body(closure, begin, end);
  }

private:
  function body;
  void *closure;
};

/* Makes a hook for kernels emitted with --threads=hook from a callable
 * `void(int64_t tasks, smx::task_body body)` that returns after every range has
 * been run. An exception that it throws makes the kernel return SMX_E_THREAD.
 *
 *   smx::parallel_for threads([&](int64_t tasks, smx::task_body body) {
 *     pool.run_and_wait(tasks, [=](int64_t i) { body(i, i + 1); });
 *   });
 *   smx::throw_if_failed(kernel(x, y, rows, threads));
 *
 * It owns the callable and must outlive the calls it is passed to. Kernels that
 * run at the same time with the same hook call the callable at the same time.
 */
template <typename Callable> class parallel_for {
public:
  explicit parallel_for(Callable callable) noexcept(
      std::is_nothrow_move_constructible_v<Callable>)
      : callable(std::move(callable)), hook{&run, this} {}

  /* The hook holds the address of this object. */
  parallel_for(const parallel_for &) = delete;
  parallel_for &operator=(const parallel_for &) = delete;

  operator const smx_parallel_for *() const noexcept { return &hook; }

private:
  /* No exception may travel through a kernel, which is C. */
  static int32_t run(void *context, int64_t tasks, task_body::function body,
                     void *closure) noexcept {
    Callable &callable = static_cast<parallel_for *>(context)->callable;
#if defined(__cpp_exceptions)
    try {
      callable(tasks, task_body(body, closure));
      return SMX_OK;
    } catch (...) {
      return SMX_E_THREAD;
    }
#else
    callable(tasks, task_body(body, closure));
    return SMX_OK;
#endif
  }

  Callable callable;
  smx_parallel_for hook;
};
template <typename Callable>
parallel_for(Callable) -> parallel_for<Callable>;

} // namespace smx

#endif /* SMX_HPP */
