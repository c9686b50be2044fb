// Names that users choose, and suggestions for those that they mistype.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "codegen/Names.h"

#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/Analysis/TargetLibraryInfo.h"
#include "llvm/Support/raw_ostream.h"
#include "llvm/TargetParser/Triple.h"

using namespace mlir;
using llvm::createStringError;
using llvm::Error;
using llvm::StringRef;

/// Keywords of C and C++ up to C23 and C++23, also as extensions of GCC, and
/// macros and types of the headers that a translation unit is sure to hold.
static constexpr llvm::StringLiteral kKeywords[] = {
    "alignas", "alignof", "and", "and_eq", "asm", "atomic_cancel",
    "atomic_commit", "atomic_noexcept", "auto", "bitand", "bitor", "bool",
    "break", "case", "catch", "char", "char16_t", "char32_t", "char8_t",
    "class", "co_await", "co_return", "co_yield", "compl", "concept", "const",
    "const_cast", "consteval", "constexpr", "constinit", "continue",
    "contract_assert", "decltype", "default", "delete", "do", "double",
    "dynamic_cast", "else", "enum", "explicit", "export", "extern", "false",
    "float", "for", "friend", "goto", "if", "inline", "int", "long", "main",
    "mutable", "namespace", "new", "noexcept", "not", "not_eq", "nullptr",
    "operator", "or", "or_eq", "private", "protected", "public", "reflexpr",
    "register", "reinterpret_cast", "requires", "restrict", "return", "short",
    "signed", "sizeof", "static", "static_assert", "static_cast", "struct",
    "switch", "synchronized", "template", "this", "thread_local", "throw",
    "true", "try", "typedef", "typeid", "typename", "typeof", "typeof_unqual",
    "union", "unsigned", "using", "virtual", "void", "volatile", "wchar_t",
    "while", "xor", "xor_eq",
    // Macros: the text of the header would change under them.
    "BUFSIZ", "CHAR_BIT", "EOF", "EXIT_FAILURE", "EXIT_SUCCESS", "FILE",
    "HUGE_VAL", "I", "INFINITY", "NAN", "NULL", "RAND_MAX", "SIZE_MAX",
    "assert", "complex", "errno", "i386", "imaginary", "isfinite", "isinf",
    "isnan", "isnormal", "linux", "noreturn", "offsetof", "setjmp", "signbit",
    "stderr", "stdin", "stdout", "unix", "va_arg", "va_copy", "va_end",
    "va_start",
    // Types beside the intN_t.
    "clock_t", "div_t", "double_t", "fenv_t", "fexcept_t", "float_t", "fpos_t",
    "ldiv_t", "lldiv_t", "max_align_t", "mbstate_t", "nullptr_t", "off_t",
    "pid_t", "ptrdiff_t", "size_t", "ssize_t", "std", "time_t", "va_list",
    "wint_t"};

/// Functions of C and POSIX that LLVM has no table of. A kernel with such a
/// name would take the place of the function in the whole program.
static constexpr llvm::StringLiteral kLibrary[] = {
    "accept", "alarm", "asctime", "asprintf", "at_quick_exit", "bind",
    "bsearch", "btowc", "carg", "cexp", "cimag", "clock", "clone", "close",
    "clog", "conj", "connect", "cpow", "cproj", "creal", "csqrt", "ctime",
    "difftime", "div", "dlclose", "dlerror", "dlopen", "dlsym", "drem", "dup",
    "dup2", "environ", "erfc", "erfcf", "erfcl", "fcntl", "feclearexcept",
    "fegetenv", "fegetround", "feholdexcept", "feraiseexcept", "fesetenv",
    "fesetround", "fetestexcept", "feupdateenv", "fma", "fmaf", "fmal",
    "freopen", "fsync", "gamma", "getopt", "getpid", "gmtime", "ilogb", "index",
    "ioctl", "isalnum", "isalpha", "isatty", "isblank", "iscntrl", "isgraph",
    "islower", "isprint", "ispunct", "isspace", "isupper", "isxdigit", "j0",
    "j1", "jn", "kill", "ldiv", "lgamma", "lgammaf", "lgammal", "link",
    "listen", "lldiv", "llrint", "llrintf", "llrintl", "llround", "llroundf",
    "llroundl", "localeconv", "localtime", "longjmp", "lrint", "lrintf",
    "lrintl", "lround", "lroundf", "lroundl", "lseek", "madvise", "mblen",
    "mbstowcs", "mbtowc", "memmem", "mlock", "mmap", "mprotect", "munmap",
    "nanosleep", "pause", "pipe", "poll", "psignal", "putenv", "quick_exit",
    "raise", "rand", "rand_r", "random", "recv", "regcomp", "rindex", "sbrk",
    "select", "send", "setenv", "setlocale", "shutdown", "sigaction", "signal",
    "significand", "sleep", "socket", "srand", "srandom", "strerror",
    "strftime", "strsep", "strsignal", "syscall", "sysconf", "thrd_create",
    "time", "timespec_get", "tmpnam", "tolower", "toupper", "towlower",
    "towupper", "usleep", "vasprintf", "vfork", "wait", "waitpid", "wcscat",
    "wcschr", "wcscmp", "wcscpy", "wcsncmp", "wcsncpy", "wcsrchr", "wcsstr",
    "wcstod", "wcstol", "wctomb", "wmemchr", "wmemcmp", "wmemcpy", "wmemmove",
    "wmemset", "y0", "y1", "yn"};

/// Names that C, C++, <stdint.h> or the runtime library keep for themselves.
static bool isReserved(StringRef name) {
  if (name.starts_with("_") || name.contains("__") ||
      name.starts_with_insensitive("smx_"))
    return true;
  // <stdint.h> owns int..._t, uint..._t and INT..._MAX, _MIN, _WIDTH and _C.
  StringRef rest = name;
  rest.consume_front("u");
  if (rest.starts_with("int") && rest.ends_with("_t"))
    return true;
  rest = name;
  rest.consume_front("U");
  if (rest.starts_with("INT") &&
      llvm::any_of(llvm::ArrayRef<StringRef>{"_MAX", "_MIN", "_WIDTH", "_C"},
                   [&](StringRef end) { return rest.ends_with(end); }))
    return true;
  return llvm::is_contained(kKeywords, name);
}

/// Also names that optimisers take for the C library's: a function `exp` would
/// be folded as if it were exp().
static bool isLibraryFunction(StringRef name) {
  static const llvm::TargetLibraryInfoImpl known(
      llvm::Triple("x86_64-unknown-linux-gnu"));
  llvm::LibFunc function;
  return known.getLibFunc(name, function) ||
         llvm::is_contained(kLibrary, name) || name.starts_with("pthread_");
}

static Error checkIdentifier(StringRef name, StringRef remedy) {
  auto isWord = [](char c) { return llvm::isAlnum(c) || c == '_'; };
  bool shaped = !name.empty() && name.size() <= 128 &&
                !llvm::isDigit(name.front()) && llvm::all_of(name, isWord);
  if (!shaped) {
    std::string shown;
    llvm::raw_string_ostream(shown).write_escaped(name.take_front(64));
    return createStringError(
        "name '" + shown +
        "' is not a C identifier of at most 128 characters; use letters, "
        "digits and _, e.g. " + remedy + "my_softmax");
  }
  if (!isReserved(name))
    return Error::success();
  // What is proposed must itself be accepted.
  std::string better = "my_" + name.ltrim('_').str();
  if (isReserved(better))
    better = "my_softmax";
  return createStringError("name '" + name +
                           "' is a keyword or reserved in C and C++; choose "
                           "another, e.g. " + remedy + better);
}

Error softmax::checkName(StringRef name, StringRef remedy) {
  if (Error error = checkIdentifier(name, remedy))
    return error;
  if (isLibraryFunction(name))
    return createStringError("name '" + name +
                             "' is that of a function of the C library; choose "
                             "another, e.g. " + remedy + "my_" + name);
  return Error::success();
}

Error softmax::checkParameterName(StringRef name) {
  return checkIdentifier(name, "softmax.name = ");
}

std::string softmax::suggest(StringRef word, llvm::ArrayRef<StringRef> known,
                             StringRef prefix) {
  // Of a short word little is left after two mistakes.
  unsigned best = std::min<size_t>(4, word.size() / 2 + 1);
  StringRef found;
  for (StringRef name : known)
    if (unsigned distance = name.edit_distance(word); distance < best) {
      best = distance;
      found = name;
    }
  return found.empty() ? "" : ("; did you mean '" + prefix + found + "'?").str();
}
