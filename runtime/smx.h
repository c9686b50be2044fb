/* The runtime library of softmax-mlir: status texts, threads, CPU features,
 * log. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */

/* CPU kernels do not need this library: an emitted archive links with libc and
 * libm alone. Linking it adds what a kernel cannot do alone: say in words what
 * went wrong, run on threads without code of yours, name the CPU's best target,
 * and log calls. What is declared here allocates no memory and starts no thread
 * of its own (OpenMP, when asked for, does). Kernels for SPIR-V run through
 * smx_vulkan.h, which is the other half of this library.
 *
 * For the whole header:
 *  - Threads: every function may be called from any thread at any time.
 *  - Ownership: nothing returned here is ever freed by the caller. Texts are
 *    static unless stated otherwise.
 *  - Errors: functions that can fail return a status code; the others say what
 *    they return instead of failing. None sets errno on purpose.
 *  - Environment variables are read once, at first use; changing them later has
 *    no effect. They are SMX_VERBOSE, SMX_TARGET and SMX_NUM_THREADS. */

#ifndef SMX_H
#define SMX_H

#include "smx_abi.h"

/* Version of this header, and of the library it came with. */
#define SMX_VERSION "0.1.0"
#define SMX_VERSION_MAJOR 0
#define SMX_VERSION_MINOR 1
#define SMX_VERSION_PATCH 0

#ifdef __cplusplus
extern "C" {
#endif

/* ---- Version --------------------------------------------------------------*/

/* The SMX_VERSION and SMX_ABI_VERSION that the linked library was built with.
 * Compare smx_abi_version() with SMX_ABI_VERSION where headers and library may
 * come from different places. */
const char *smx_version(void);
int32_t smx_abi_version(void);

/* ---- Status ---------------------------------------------------------------*/

/* What a status code means: its name, a colon and one clause, in English, e.g.
 * "SMX_E_CPU: no variant of the kernel runs on this CPU". Never null; a number
 * that is no status code gives "unknown status code". Static text. */
const char *smx_status_string(int32_t status);

/* What went wrong in the last failing call, of a kernel or of smx_vulkan.h, of
 * the calling thread, with the kernel, and the argument or row at fault, e.g.
 * "xent_64x1000_f32: label of row 17 is outside [0, C) and is not ignore_index
 * (SMX_E_TARGET)". Never null;
 * "" when no call has failed in this thread, or since smx_clear_error. A call
 * that succeeds leaves it alone, so look at it only after a failure. The text
 * belongs to the thread: it is valid until that thread's next failing call, its
 * next smx_clear_error, or its end. */
const char *smx_last_error(void);

/* Sets the calling thread's last error to "". */
void smx_clear_error(void);

/* ---- Threads --------------------------------------------------------------*/

/* Hooks for kernels emitted with --threads=hook; such a kernel takes a
 * `const smx_parallel_for *` as its last argument. The type is described in
 * smx_abi.h. An implementation of your own may be called from several threads
 * at once when several kernels are. If its `run` returns a value other than 0,
 * the kernel returns SMX_E_THREAD and its results are unspecified.
 *
 * Both hooks here live for the whole program and are never null. Their `run`
 * ignores `context` and calls nothing when tasks <= 0. */

/* Runs all tasks in the calling thread, as one range. Never fails. */
const smx_parallel_for *smx_serial(void);

/* Runs the tasks on smx_openmp_threads() OpenMP threads, or on fewer when there
 * are fewer tasks, each thread one contiguous range. Never fails. Inside an
 * OpenMP parallel region it follows OpenMP's rules on nesting, which normally
 * means serial. If the library was built without OpenMP, it is smx_serial(). */
const smx_parallel_for *smx_openmp(void);

/* The most threads that smx_openmp() uses when called from this thread:
 * OpenMP's own limit (OMP_NUM_THREADS, omp_set_num_threads), capped by
 * SMX_NUM_THREADS when that is a number >= 1. At least 1; 1 when built without
 * OpenMP. */
int32_t smx_openmp_threads(void);

/* ---- CPU ------------------------------------------------------------------*/

/* Targets are named as in softmax-gen --target-cpu: x86-64, x86-64-v3,
 * x86-64-v4, aarch64, aarch64+sve, riscv64+v, wasm32. x86-64-v3 and -v4 mean
 * the complete feature lists of the x86-64 psABI, v2 included, and an operating
 * system that saves the registers.
 *
 * SMX_TARGET lowers what these functions report, never raises it: with
 * SMX_TARGET=x86-64-v3 a machine that has v4 reports v3. A value that is no
 * target of this architecture is reported once on stderr and has no effect. */

/* 1 when kernels for `target` run on this machine, 0 when they do not and for
 * null and unknown names. */
int32_t smx_cpu_supports(const char *target);

/* The name of the best target that runs here; "" when none of them does. Never
 * null. Static text. */
const char *smx_cpu_best(void);

/* ---- Called by kernels ----------------------------------------------------*/

/* Emitted kernels call these four when they are linked: a kernel refers to
 * them as weak symbols, which are null in a program without this library. A
 * weak reference takes nothing out of a static archive, so a program that links
 * libsmx_runtime.a but calls nothing in it needs `-Wl,-u,smx_kernel_failed`;
 * the CMake target and the pkg-config file pass that. Applications have no
 * reason to call them. */

/* Records the failure of a call as the calling thread's last error; a kernel
 * calls it in the thread that called the kernel. `index` is the zero-based row
 * for SMX_E_TARGET, the zero-based argument for SMX_E_NULL, SMX_E_EXTENT,
 * SMX_E_STRIDE and SMX_E_ALIAS, and otherwise, or when unknown, -1. `kernel` is
 * copied. SMX_OK is ignored. */
void smx_kernel_failed(const char *kernel, int32_t status, int64_t index);

/* The same for a GPU kernel and its failure in the driver: `call` is what
 * failed, such as "cuLibraryLoadData", and `detail` the driver's name of the
 * error, such as "CUDA_ERROR_OUT_OF_MEMORY". Both are copied; a null `call`
 * means that there is nothing to add to the status. SMX_OK is ignored. */
void smx_gpu_failed(const char *kernel, int32_t status, const char *call,
                    const char *detail);

/* The time in ns, on a clock of its own, when SMX_VERBOSE asks for exec lines;
 * 0 when it does not. */
int64_t smx_kernel_begin(void);

/* Logs one call when `begin`, the answer of smx_kernel_begin, is not 0.
 * `description` holds the fields from backend to options of the line described
 * below. `bytes` is the number of bytes that the call had to move, or 0 when
 * unknown. */
void smx_kernel_end(int64_t begin, const char *description, int64_t bytes);

/* ---- Log ------------------------------------------------------------------*/

/* SMX_VERBOSE selects lines on stderr: the words dispatch, exec, error and all,
 * comma separated, or 1 for dispatch, 2 for dispatch and exec, 3 for all. The
 * lines are CSV, and the first line of each kind is a template that names the
 * fields. Numbers are written with a point in every locale.
 *
 *   smx_verbose,dispatch,backend,target,limit
 *   smx_verbose,dispatch,cpu,x86-64-v4,none
 *   smx_verbose,dispatch,vulkan,"NAME OF THE DEVICE",none
 *   smx_verbose,exec,backend,op,schedule:target,shape:type,options,time,bandwidth
 *   smx_verbose,exec,cpu,softmax,stream:x86-64-v4,8x32000:f32,axis:1,0.114ms,17.96GB/s
 *   smx_verbose,error,text
 *   smx_verbose,error,"softmax_8x32000_f32: argument 1 is null ..."
 */

#ifdef __cplusplus
}
#endif

#endif /* SMX_H */
