/* Reads a SPIR-V module far enough to refuse what a device cannot run.
 * SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */

/* Drivers trust the modules that they are given: a capability that was not
 * enabled, or a corrupt word, is undefined behaviour, often a crash. So the
 * framing of all instructions is checked here, and what the module declares is
 * compared with what the device has. */

#include "vulkan_device.h"

#include <string.h>

/* Numbers of the SPIR-V specification. */
enum {
  spirv_magic = 0x07230203,
  header_words = 5,
  op_entry_point = 15,
  op_execution_mode = 16,
  op_capability = 17,
  op_function = 54,
  op_function_end = 56,
  model_gl_compute = 5,
  mode_local_size = 17,
  mode_denorm_preserve = 4459,
  mode_signed_zero_inf_nan_preserve = 4461,
  mode_rounding_rte = 4462
};

static const struct {
  uint32_t bit;
  const char *name;
} feature_names[] = {
    {SMX_VULKAN_STORAGE_8, "storageBuffer8BitAccess"},
    {SMX_VULKAN_STORAGE_16, "storageBuffer16BitAccess"},
    {SMX_VULKAN_INT_8, "shaderInt8"},
    {SMX_VULKAN_INT_16, "shaderInt16"},
    {SMX_VULKAN_FLOAT_16, "shaderFloat16"},
    {SMX_VULKAN_FLOAT_64, "shaderFloat64"},
    {SMX_VULKAN_SUBGROUP_BASIC, "subgroup operations in compute shaders"},
    {SMX_VULKAN_SUBGROUP_VOTE, "subgroup vote"},
    {SMX_VULKAN_SUBGROUP_ARITHMETIC, "subgroup arithmetic"},
    {SMX_VULKAN_SUBGROUP_BALLOT, "subgroup ballot"},
    {SMX_VULKAN_SUBGROUP_SHUFFLE, "subgroup shuffle"},
    {SMX_VULKAN_SUBGROUP_SHUFFLE_RELATIVE, "relative subgroup shuffle"},
    {SMX_VULKAN_SUBGROUP_CLUSTERED, "clustered subgroup operations"},
    {SMX_VULKAN_MEMORY_MODEL, "vulkanMemoryModel"},
    {SMX_VULKAN_SIGNED_ZERO_INF_NAN_16,
     "shaderSignedZeroInfNanPreserveFloat16"},
    {SMX_VULKAN_SIGNED_ZERO_INF_NAN_32,
     "shaderSignedZeroInfNanPreserveFloat32"},
    {SMX_VULKAN_SIGNED_ZERO_INF_NAN_64,
     "shaderSignedZeroInfNanPreserveFloat64"},
    {SMX_VULKAN_DENORM_PRESERVE_16, "shaderDenormPreserveFloat16"},
    {SMX_VULKAN_DENORM_PRESERVE_32, "shaderDenormPreserveFloat32"},
    {SMX_VULKAN_DENORM_PRESERVE_64, "shaderDenormPreserveFloat64"},
    {SMX_VULKAN_ROUNDING_RTE_16, "shaderRoundingModeRTEFloat16"},
    {SMX_VULKAN_ROUNDING_RTE_32, "shaderRoundingModeRTEFloat32"},
    {SMX_VULKAN_ROUNDING_RTE_64, "shaderRoundingModeRTEFloat64"},
    {SMX_VULKAN_SUBGROUP_EXTENDED_TYPES, "shaderSubgroupExtendedTypes"},
};

const char *smx_vk_feature_name(uint32_t features) {
  for (size_t i = 0; i < sizeof feature_names / sizeof feature_names[0]; ++i)
    if (features & feature_names[i].bit)
      return feature_names[i].name;
  return "a feature that this library does not know";
}

/* The feature bit of a capability; 0 for those that every suitable device has,
 * and all bits for others. */
static uint32_t capability_feature(uint32_t capability) {
  static const struct {
    uint32_t capability, bit;
  } table[] = {
      {0, 0},    /* Matrix */
      {1, 0},    /* Shader */
      {11, 0},   /* Int64 */
      {5347, 0}, /* PhysicalStorageBufferAddresses */
      {9, SMX_VULKAN_FLOAT_16},
      {10, SMX_VULKAN_FLOAT_64},
      {22, SMX_VULKAN_INT_16},
      {39, SMX_VULKAN_INT_8},
      {61, SMX_VULKAN_SUBGROUP_BASIC},
      {62, SMX_VULKAN_SUBGROUP_VOTE},
      {63, SMX_VULKAN_SUBGROUP_ARITHMETIC},
      {64, SMX_VULKAN_SUBGROUP_BALLOT},
      {65, SMX_VULKAN_SUBGROUP_SHUFFLE},
      {66, SMX_VULKAN_SUBGROUP_SHUFFLE_RELATIVE},
      {67, SMX_VULKAN_SUBGROUP_CLUSTERED},
      {4433, SMX_VULKAN_STORAGE_16}, /* StorageBuffer16BitAccess */
      {4448, SMX_VULKAN_STORAGE_8},  /* StorageBuffer8BitAccess */
      /* Of the modes of floating point, the width is in OpExecutionMode. */
      {4464, 0}, /* DenormPreserve */
      {4466, 0}, /* SignedZeroInfNanPreserve */
      {4467, 0}, /* RoundingModeRTE */
      {5345, SMX_VULKAN_MEMORY_MODEL},
  };
  for (size_t i = 0; i < sizeof table / sizeof table[0]; ++i)
    if (table[i].capability == capability)
      return table[i].bit;
  return UINT32_MAX;
}

/* The feature bit of a floating-point mode for one width. The bits of a mode
 * lie beside each other, from 16 to 64. */
static uint32_t mode_feature(uint32_t mode, uint32_t width) {
  uint32_t bit16;
  if (mode == mode_denorm_preserve)
    bit16 = SMX_VULKAN_DENORM_PRESERVE_16;
  else if (mode == mode_signed_zero_inf_nan_preserve)
    bit16 = SMX_VULKAN_SIGNED_ZERO_INF_NAN_16;
  else if (mode == mode_rounding_rte)
    bit16 = SMX_VULKAN_ROUNDING_RTE_16;
  else
    return 0;
  return width == 16 ? bit16 : width == 32 ? bit16 << 1 : bit16 << 2;
}

/* What the module says of one entry point. */
struct module_facts {
  uint32_t features;
  uint32_t unknown_capability; /* UINT32_MAX: none */
  uint32_t entry_id;           /* 0: there is no such entry point */
  uint32_t local_size[3];      /* zeros: not given */
  int entry_has_body;
  int in_function;
};

/* Takes in one instruction of `words` words; returns 0 when it is corrupt. */
static int read_instruction(const uint32_t *code, uint32_t words,
                            const char *entry, struct module_facts *facts) {
  uint32_t op = code[0] & 0xffff;
  if (op == op_capability) {
    if (words < 2)
      return 0;
    uint32_t bits = capability_feature(code[1]);
    if (bits == UINT32_MAX)
      facts->unknown_capability = code[1];
    else
      facts->features |= bits;
  } else if (op == op_entry_point) {
    if (words < 4)
      return 0;
    const char *name = (const char *)&code[3];
    if (!memchr(name, 0, (size_t)(words - 3) * 4))
      return 0;
    if (code[1] == model_gl_compute && strcmp(name, entry) == 0)
      facts->entry_id = code[2];
  } else if (op == op_execution_mode) {
    if (words < 3)
      return 0;
    /* Entry points come before their modes. */
    if (code[1] != facts->entry_id)
      return 1;
    if (code[2] == mode_local_size && words == 6)
      memcpy(facts->local_size, &code[3], sizeof facts->local_size);
    else if (words == 4)
      facts->features |= mode_feature(code[2], code[3]);
  } else if (op == op_function) {
    if (words != 5 || facts->in_function)
      return 0;
    facts->in_function = 1;
    facts->entry_has_body |= code[2] == facts->entry_id;
  } else if (op == op_function_end) {
    if (!facts->in_function)
      return 0;
    facts->in_function = 0;
  }
  return 1;
}

static int read_module(const smx_vulkan_program *program, const char *entry,
                       struct module_facts *facts) {
  memset(facts, 0, sizeof *facts);
  facts->features = program->features;
  facts->unknown_capability = UINT32_MAX;
  const uint32_t *code = program->code;
  uint64_t words = program->bytes / 4, at = header_words;
  if (!code || program->bytes % 4 != 0 || words < header_words ||
      code[0] != spirv_magic)
    return 0;
  while (at < words) {
    uint32_t length = code[at] >> 16;
    if (length == 0 || length > words - at ||
        !read_instruction(&code[at], length, entry, facts))
      return 0;
    at += length;
  }
  return !facts->in_function && (facts->entry_has_body || !facts->entry_id);
}

int32_t smx_vk_check_program(const smx_vulkan_device *device,
                             const smx_vulkan_program *program,
                             const char *entry) {
  struct module_facts facts;
  if (!read_module(program, entry, &facts))
    return smx_failed(SMX_E_INTERNAL, entry,
                      "the program is not a SPIR-V module");
  uint32_t newest =
      device->api_version >= VK_API_VERSION_1_3 ? 0x10600 : 0x10500;
  if (program->code[1] > newest)
    return smx_failed(SMX_E_ARCH, entry,
                      "SPIR-V %u.%u is newer than the device '%.60s' takes",
                      (unsigned)(program->code[1] >> 16),
                      (unsigned)(program->code[1] >> 8 & 0xff), device->name);
  if (facts.unknown_capability != UINT32_MAX)
    return smx_failed(SMX_E_ARCH, entry, "SPIR-V capability %u is not enabled",
                      (unsigned)facts.unknown_capability);
  uint32_t missing = facts.features & ~device->features;
  if (missing)
    return smx_failed(SMX_E_ARCH, entry, "the device '%.60s' lacks %s",
                      device->name, smx_vk_feature_name(missing));
  if (!facts.entry_id)
    return smx_failed(SMX_E_INTERNAL, entry,
                      "the program has no entry point of this name");
  uint64_t invocations = 1;
  for (int i = 0; i < 3; ++i) {
    uint32_t size = facts.local_size[i];
    if (size == 0)
      return smx_failed(SMX_E_INTERNAL, entry,
                        "the entry point has no workgroup size");
    if (size > device->limits.maxComputeWorkGroupSize[i])
      return smx_failed(SMX_E_LIMIT, entry,
                        "workgroup size %u of axis %d exceeds the device's %u",
                        (unsigned)size, i,
                        (unsigned)device->limits.maxComputeWorkGroupSize[i]);
    /* At most 2^32 each, and cut off before the third product. */
    invocations *= size;
    if (invocations > device->limits.maxComputeWorkGroupInvocations)
      return smx_failed(
          SMX_E_LIMIT, entry,
          "a workgroup has more than the device's %u invocations",
          (unsigned)device->limits.maxComputeWorkGroupInvocations);
  }
  return SMX_OK;
}
