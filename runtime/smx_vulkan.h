/* Vulkan compute devices for kernels emitted with --target-gpu=spirv.
 * SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */

/* A kernel for SPIR-V is a C function that takes device addresses, extents and
 * a stream; it enqueues its work through smx_vulkan_launch and returns:
 *
 *   smx_vulkan_device *device = NULL;
 *   smx_vulkan_stream *stream = NULL;
 *   void *x = NULL;
 *   if (smx_vulkan_open(-1, &device) != SMX_OK ||
 *       smx_vulkan_stream_create(device, &stream) != SMX_OK ||
 *       smx_vulkan_alloc(device, bytes, &x) != SMX_OK || ...)
 *     fprintf(stderr, "%s\n", smx_last_error());
 *
 * The Vulkan loader (libvulkan.so.1) is opened at first use: nothing is linked.
 *
 * For the whole header:
 *  - Threads: every function may be called from any thread at any time, several
 *    of them on one device or one stream at once. Only what ends an object
 *    (close, destroy, free) must not overlap other uses of that object.
 *  - Errors: a function that returns int32_t returns SMX_OK or a status code of
 *    smx_abi.h, and then smx_last_error() says in words what went wrong; on an
 *    error it has done nothing and its results are unchanged. Besides those
 *    named below, each may return SMX_E_NULL (a required argument is null),
 *    SMX_E_MEMORY (out of memory on the device or the host) and SMX_E_DEVICE
 *    (the device was lost; close it). SMX_E_DRIVER comes from every function
 *    when the library was built without Vulkan's headers.
 *  - Environment: SMX_VULKAN_STAGING=1, read by smx_vulkan_open, makes copies
 *    go through a staging buffer even where host and device share memory. It
 *    serves tests of that path. The Vulkan loader has variables of its own. */

#ifndef SMX_VULKAN_H
#define SMX_VULKAN_H

#include "smx_abi.h"

#ifdef __cplusplus
extern "C" {
#endif

/* One logical device with one compute queue. */
typedef struct smx_vulkan_device smx_vulkan_device;

/* Commands of one device that run in the order in which they were enqueued,
 * each seeing all that the ones before it wrote. Streams are not ordered among
 * each other. */
typedef struct smx_vulkan_stream smx_vulkan_stream;

/* What a device may offer beyond what every suitable device does. A suitable
 * device has Vulkan 1.2, a compute queue, buffer device addresses and 64-bit
 * integers in shaders. The numbers are part of the ABI. */
enum smx_vulkan_feature {
  SMX_VULKAN_STORAGE_8 = 1 << 0,  /* storageBuffer8BitAccess */
  SMX_VULKAN_STORAGE_16 = 1 << 1, /* storageBuffer16BitAccess */
  SMX_VULKAN_INT_8 = 1 << 2,      /* shaderInt8 */
  SMX_VULKAN_INT_16 = 1 << 3,     /* shaderInt16 */
  SMX_VULKAN_FLOAT_16 = 1 << 4,   /* shaderFloat16 */
  SMX_VULKAN_FLOAT_64 = 1 << 5,   /* shaderFloat64 */
  /* Operations among the invocations of a subgroup, in compute shaders. */
  SMX_VULKAN_SUBGROUP_BASIC = 1 << 6,
  SMX_VULKAN_SUBGROUP_VOTE = 1 << 7,
  SMX_VULKAN_SUBGROUP_ARITHMETIC = 1 << 8,
  SMX_VULKAN_SUBGROUP_BALLOT = 1 << 9,
  SMX_VULKAN_SUBGROUP_SHUFFLE = 1 << 10,
  SMX_VULKAN_SUBGROUP_SHUFFLE_RELATIVE = 1 << 11,
  SMX_VULKAN_SUBGROUP_CLUSTERED = 1 << 12,
  SMX_VULKAN_MEMORY_MODEL = 1 << 13, /* vulkanMemoryModel */
  /* shaderSignedZeroInfNanPreserveFloat16 and so on. */
  SMX_VULKAN_SIGNED_ZERO_INF_NAN_16 = 1 << 14,
  SMX_VULKAN_SIGNED_ZERO_INF_NAN_32 = 1 << 15,
  SMX_VULKAN_SIGNED_ZERO_INF_NAN_64 = 1 << 16,
  SMX_VULKAN_DENORM_PRESERVE_16 = 1 << 17,
  SMX_VULKAN_DENORM_PRESERVE_32 = 1 << 18,
  SMX_VULKAN_DENORM_PRESERVE_64 = 1 << 19,
  SMX_VULKAN_ROUNDING_RTE_16 = 1 << 20,
  SMX_VULKAN_ROUNDING_RTE_32 = 1 << 21,
  SMX_VULKAN_ROUNDING_RTE_64 = 1 << 22,
  /* shaderSubgroupExtendedTypes: subgroup operations on 8-bit, 16-bit and
   * 64-bit integers and on 16-bit floats, where the device has those. No
   * capability declares it, so a program names it in its `features`. */
  SMX_VULKAN_SUBGROUP_EXTENDED_TYPES = 1 << 23
};

/* ---- Devices --------------------------------------------------------------*/

/* Stores the number of suitable devices; 0 is no error. SMX_E_DRIVER: there is
 * no Vulkan loader, or it has no driver. */
int32_t smx_vulkan_count(int32_t *count);

/* Opens a device: `index` counts the suitable ones in the driver's order, and
 * -1 is the best one (discrete before integrated before other before software).
 * The caller owns the device and ends it with smx_vulkan_close. SMX_E_DRIVER as
 * above; SMX_E_DEVICE: there is no such device. */
int32_t smx_vulkan_open(int32_t index, smx_vulkan_device **device);

/* Waits for all work of the device, frees all its memory, and ends it. Its
 * streams must have been destroyed. Ignores null. */
void smx_vulkan_close(smx_vulkan_device *device);

/* The driver's name of the device; valid until it is closed. "" for null. */
const char *smx_vulkan_device_name(const smx_vulkan_device *device);

/* The device's features, bits of smx_vulkan_feature. 0 for null. */
uint32_t smx_vulkan_device_features(const smx_vulkan_device *device);

/* ---- Memory ---------------------------------------------------------------*/

/* Device addresses are plain 64-bit numbers in a pointer's clothes: offsets are
 * added to them as to a `char *`, and only kernels and the functions below may
 * follow them. */

/* Allocates `bytes` bytes of device memory, uninitialized, aligned to 16 bytes
 * or more, and stores their address; null when `bytes` is 0. The device owns
 * them until smx_vulkan_free or smx_vulkan_close. SMX_E_LIMIT: more than the
 * device allows in one piece (its maxMemoryAllocationSize and maxBufferSize).
 */
int32_t smx_vulkan_alloc(smx_vulkan_device *device, uint64_t bytes,
                         void **address);

/* Frees an address that smx_vulkan_alloc stored. No work that uses it may be
 * running. Ignores a null address. SMX_E_LIMIT: it is no such address. */
int32_t smx_vulkan_free(smx_vulkan_device *device, void *address);

/* Copies bytes to or from device memory, and returns when that is done. The
 * range on the device must lie inside one allocation. They do not wait for
 * streams: synchronize first with work that uses the range. SMX_E_LIMIT: the
 * range does not lie inside one allocation. */
int32_t smx_vulkan_upload(smx_vulkan_device *device, void *to, const void *from,
                          uint64_t bytes);
int32_t smx_vulkan_download(smx_vulkan_device *device, void *to,
                            const void *from, uint64_t bytes);

/* ---- Streams --------------------------------------------------------------*/

/* The caller owns the stream and ends it with smx_vulkan_stream_destroy before
 * its device is closed. */
int32_t smx_vulkan_stream_create(smx_vulkan_device *device,
                                 smx_vulkan_stream **stream);

/* Waits for the stream's work and ends it. Ignores null. */
void smx_vulkan_stream_destroy(smx_vulkan_stream *stream);

/* Returns when everything enqueued before the call has run, and its results can
 * be downloaded. */
int32_t smx_vulkan_stream_synchronize(smx_vulkan_stream *stream);

/* ---- Called by kernels ----------------------------------------------------*/

/* The compiled shaders of a kernel. Both this and the code must stay unchanged
 * at their addresses until the device is closed: pipelines are cached by them.
 *
 * The code is a SPIR-V module, at most 1.5, in the host's byte order, with
 * GLCompute entry points whose LocalSize is written in the module. Parameters
 * are push constants; there are no descriptors and no specialization constants
 * to set. What its OpCapability and OpExecutionMode instructions declare is
 * checked against the device; `features` holds what it needs besides, bits of
 * smx_vulkan_feature, mostly none. */
typedef struct smx_vulkan_program {
  const uint32_t *code;
  uint64_t bytes;
  uint32_t features;
} smx_vulkan_program;

/* Enqueues one dispatch of groups[0] x groups[1] x groups[2] workgroups of the
 * entry point `entry` with a copy of `push_bytes` bytes of push constants, a
 * multiple of 4, and returns; nothing when a group count is 0. It waits only
 * while 64 dispatches of the stream are still running, and allocates only when
 * this device runs the entry point for the first time.
 *
 * SMX_E_INTERNAL: the program is no valid module, or lacks the entry point.
 * SMX_E_ARCH: the device lacks a feature that the program needs. SMX_E_LIMIT:
 * more push constants, workgroups, or invocations in a workgroup than the
 * device allows. SMX_E_LAUNCH: the driver refused the shader or the launch. */
int32_t smx_vulkan_launch(smx_vulkan_stream *stream,
                          const smx_vulkan_program *program, const char *entry,
                          const uint64_t groups[3], const void *push,
                          uint32_t push_bytes);

#ifdef __cplusplus
}
#endif

#endif /* SMX_VULKAN_H */
