/* The launcher's choice of an image for a device. A part of gpu_launch.c.
 * SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */

#ifndef SMX_GPU_IMAGE_H
#define SMX_GPU_IMAGE_H

#include "gpu_open.h"

/* How well an image suits a device of this capability, 90 for 9.0; 0: not. */
static int rank_cuda(const char *target, int capability) {
  bool ptx = strncmp(target, "ptx_", 4) == 0;
  if (!ptx && strncmp(target, "sm_", 3) != 0)
    return 0;
  const char *digit = target + (ptx ? 4 : 3);
  int number = 0;
  for (; *digit >= '0' && *digit <= '9'; ++digit)
    number = 10 * number + (*digit - '0');
  bool exact = *digit == 'a';
  if (digit[exact] != '\0' || number > capability ||
      (exact && number != capability))
    return 0;
  int rank = 2 * number + exact;
  if (ptx)
    return rank;
  return number / 10 == capability / 10 ? 10000 + rank : 0;
}

/* `architecture` ends with features that any code object of ours runs with:
 * "gfx942:sramecc+:xnack-". */
static int rank_hip(const char *target, const char *architecture) {
  size_t length = strcspn(architecture, ":");
  return strncmp(target, architecture, length) == 0 && target[length] == '\0';
}

/* "sm_90" */
static void print_capability(char *text, int capability) {
  memcpy(text, "sm_", 3);
  text += 3;
  if (capability >= 100)
    *text++ = (char)('0' + capability / 100 % 10);
  *text++ = (char)('0' + capability / 10 % 10);
  *text++ = (char)('0' + capability % 10);
  *text = '\0';
}

/* The index of the best image for the device, or -1. */
static int32_t choose_image(const struct smx_gpu_kernel *kernel,
                            enum vendor vendor, int device,
                            struct failure *failure) {
  int capability = 0;
  union hip_properties properties;
  if (vendor == cuda_vendor) {
    int major = 0, minor = 0;
    if (!CUDA(cuDeviceGetAttribute, &major, cuda_capability_major, device) ||
        !CUDA(cuDeviceGetAttribute, &minor, cuda_capability_minor, device))
      return -1;
    capability = 10 * major + minor;
  } else if (!HIP(hipGetDevicePropertiesR0600, &properties, device)) {
    return -1;
  }
  int32_t best = -1;
  int best_rank = 0;
  for (int32_t i = 0; i < kernel->image_count; ++i) {
    const char *target = kernel->images[i].target;
    int rank = vendor == cuda_vendor
                   ? rank_cuda(target, capability)
                   : rank_hip(target, properties.named.architecture);
    if (rank > best_rank) {
      best = i;
      best_rank = rank;
    }
  }
  if (best < 0) {
    if (vendor == cuda_vendor)
      print_capability(failure->text, capability);
    else
      strncat(failure->text, properties.named.architecture,
              sizeof failure->text - 1);
    fail(failure, SMX_E_ARCH, "device", failure->text);
  }
  return best;
}

#endif /* SMX_GPU_IMAGE_H */
