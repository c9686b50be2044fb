/* Which lines SMX_VERBOSE asks for; private to the runtime's sources.
 * SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */

#ifndef SMX_VERBOSE_H
#define SMX_VERBOSE_H

enum {
  SMX_VERBOSE_DISPATCH = 1,
  SMX_VERBOSE_EXEC = 2,
  SMX_VERBOSE_ERROR = 4,
  SMX_VERBOSE_ALL = 7
};

/* Nonzero when lines of this kind are wanted; their template has been printed
 * before it first says so. */
#if defined(__GNUC__)
__attribute__((visibility("hidden")))
#endif
int smx_verbose(int kind);

#endif /* SMX_VERBOSE_H */
