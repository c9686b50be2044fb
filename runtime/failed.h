/* How the runtime's own functions report failures; private to its sources.
 * SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */

#ifndef SMX_FAILED_H
#define SMX_FAILED_H

#include <stdint.h>

/* Records "FUNCTION: TEXT (NAME OF STATUS)" as the calling thread's last error,
 * logs it when SMX_VERBOSE asks for that, and returns `status`, a status code
 * other than SMX_OK. Long texts are cut. */
#if defined(__GNUC__)
__attribute__((visibility("hidden"), format(printf, 3, 4)))
#endif
int32_t smx_failed(int32_t status, const char *function, const char *format,
                   ...);

#endif /* SMX_FAILED_H */
