// Decoded PTX: kernels as flat arrays of instructions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#ifndef TEST_PTX_PROGRAM_H
#define TEST_PTX_PROGRAM_H

#include <cstdint>
#include <map>
#include <memory>
#include <stdexcept>
#include <string>
#include <vector>

namespace ptx {

class Warp;

constexpr unsigned kLanes = 32;
/// One bit for each lane of a warp.
using Mask = uint32_t;
constexpr Mask kAll = ~Mask{0};

/// Codes of the CUDA driver, as it numbers them.
enum Code {
  kInvalidValue = 1,
  kNoBinaryForGPU = 209,
  kInvalidPtx = 218,
  kNotFound = 500,
  kIllegalAddress = 700,
  kOutOfResources = 701,
  kMisalignedAddress = 716,
  kLaunchFailed = 719,
  kInvalidClusterSize = 912
};

/// Why a module was not loaded or a launch ended.
struct Fault : std::runtime_error {
  Fault(int code, const std::string &text)
      : std::runtime_error(text), code(code) {}
  int code;
};

/// What an instruction says of its operands.
enum class Type {
  None,
  Pred,
  B8,
  B16,
  B32,
  B64,
  U8,
  U16,
  U32,
  U64,
  S8,
  S16,
  S32,
  S64,
  F16,
  F16x2,
  BF16,
  BF16x2,
  F32,
  F32x2,
  F64
};
unsigned sizeOf(Type type); ///< in bytes; 4 of a predicate: its mask

/// The values of one register for all lanes of a warp, or a constant, or a
/// special register: all lie in the warp's register file.
struct Operand {
  uint32_t offset = 0; ///< in bytes
  uint32_t index = 0;  ///< of its mask of lanes that have written it
  uint8_t size = 0;    ///< bytes of each lane; 0: `_`, which takes nothing
  bool isPredicate = false, negated = false;
};

/// What the scheduler does; everything but `Plain` may end the run of a warp.
enum class Kind : uint8_t {
  Plain,
  Branch,
  Exit,
  Barrier,
  ClusterArrive,
  ClusterWait,
  Shuffle,
  Vote,
  WarpBarrier
};
enum class ShuffleMode : uint8_t { Up, Down, Butterfly, Index };
enum class VoteMode : uint8_t { All, Any, Uniform, Ballot };

struct Instruction {
  Kind kind = Kind::Plain;
  /// Computes the lanes in the mask; of `Plain` only.
  void (*run)(Warp &, const Instruction &, Mask) = nullptr;
  std::vector<Operand> to, from;
  bool isGuarded = false;
  Operand guard;
  bool flushes = false, saturates = false; ///< .ftz, .sat
  bool isRemote = false;                   ///< shared::cluster
  bool isMove = false; ///< also of registers that nothing was written to
  uint8_t vector = 1;  ///< elements of an access
  int rounding = 0;    ///< as fesetround takes it
  uint8_t mode = 0;    ///< ShuffleMode, VoteMode
  int64_t offset = 0;  ///< of an address
  uint32_t target = 0; ///< of a branch
  uint32_t line = 0;   ///< in the PTX
  const char *opcode = "";
};

/// What a register starts with: immediates in every lane.
struct Constant {
  uint32_t offset;
  uint8_t size;
  uint64_t value;
};

enum class Special : uint8_t {
  TidX,
  TidY,
  TidZ,
  NtidX,
  NtidY,
  NtidZ,
  CtaidX,
  CtaidY,
  CtaidZ,
  NctaidX,
  NctaidY,
  NctaidZ,
  LaneId,
  WarpId,
  ClusterCtaidX,
  ClusterNctaidX,
  ClusterCtarank,
  ClusterNctarank,
  ClusterIdX,
  NclusterIdX,
  LanemaskLt
};

struct Kernel {
  std::string name;
  std::vector<Instruction> code;
  std::vector<bool> isLabel; ///< whether control may come from elsewhere
  uint32_t registerBytes = 0, registerCount = 0;
  std::vector<Constant> constants;
  std::vector<std::pair<Special, Operand>> specials;
  /// Registers that are written before the kernel starts: all of the above.
  std::vector<uint32_t> written;
  uint32_t parameterBytes = 0;
  std::vector<std::pair<uint32_t, uint32_t>> parameters; ///< offset, size
  uint32_t sharedBytes = 0;                              ///< static
  uint32_t sharedGranule = 8; ///< the smallest access
  uint32_t globalGranule = 8; ///< the smallest store
  uint32_t maxThreads = 1024; ///< .maxntid
};

struct Module {
  int target = 0;       ///< 90 of sm_90
  bool isExact = false; ///< sm_90a
  std::map<std::string, Kernel> kernels;
  std::vector<std::unique_ptr<std::string>> opcodes; ///< that kernels point to
};

/// Throws a Fault with kInvalidPtx and the line.
std::unique_ptr<Module> parse(const std::string &text);

/// What `decode` needs to know of an operand as it is written.
struct Written {
  enum { Register, Integer, Float, Address, Symbol, List, Nothing } kind;
  std::string name;           ///< of a register or symbol, without negation
  bool negated = false;       ///< !%p
  uint64_t value = 0;         ///< an integer, or the bits of a number
  bool isDouble = false;      ///< 0d
  int64_t offset = 0;         ///< of an address
  std::vector<Written> parts; ///< {a, b}, and d|p
};

/// Gives operands their places.
class Places {
public:
  virtual ~Places() = default;
  /// A source of `size` bytes. Registers must have that size, or at least that
  /// size when `mayBeWider`.
  virtual Operand source(const Written &, unsigned size, bool mayBeWider) = 0;
  virtual Operand result(const Written &, unsigned size, bool mayBeWider) = 0;
  virtual Operand predicate(const Written &, bool isResult) = 0;
  virtual uint32_t parameter(const std::string &name) = 0;
  virtual void accessShared(unsigned bytes) = 0;
  virtual void storeGlobal(unsigned bytes) = 0;
};

/// Fills everything but guard, target and line; throws a Fault for whatever is
/// not known.
void decode(const std::string &opcode, std::vector<Written> &operands,
            Places &places, Instruction &instruction);

} // namespace ptx

#endif // TEST_PTX_PROGRAM_H
