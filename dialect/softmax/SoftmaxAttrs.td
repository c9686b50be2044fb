// Attributes of the softmax dialect: the schedule and the options of the losses.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#ifndef DIALECT_SOFTMAX_SOFTMAXATTRS_TD
#define DIALECT_SOFTMAX_SOFTMAXATTRS_TD

include "dialect/softmax/SoftmaxDialect.td"
include "mlir/IR/AttrTypeBase.td"
include "mlir/IR/EnumAttr.td"

/// I64Attr with a signed accessor, so that negative values compare as such.
def Softmax_SignedAttr : TypedSignlessIntegerAttrBase<I64, "int64_t",
                                                      "64-bit integer attribute">;

class Softmax_Enum<string name, string summary, list<I32EnumAttrCase> cases>
    : I32EnumAttr<name, summary, cases> {
  let cppNamespace = "::mlir::softmax";
}

def Softmax_Reduction : Softmax_Enum<"Reduction",
    "how the losses of the rows are combined", [
    I32EnumAttrCase<"None", 0, "none">,
    I32EnumAttrCase<"Mean", 1, "mean">,
    I32EnumAttrCase<"Sum", 2, "sum">]>;

def Softmax_Special : Softmax_Enum<"Special",
    "the result where the formula gives NaN", [
    I32EnumAttrCase<"NaN", 0, "nan">,
    I32EnumAttrCase<"Zero", 1, "zero">]>;

def Softmax_Traversal : Softmax_Enum<"Traversal",
    "how the rows of a kernel are traversed", [
    I32EnumAttrCase<"Reference", 0, "reference">,
    I32EnumAttrCase<"Stream", 1, "stream">,
    I32EnumAttrCase<"Inner", 2, "inner">]>;

def Softmax_Isa : Softmax_Enum<"Isa", "the vector instructions to write for", [
    I32EnumAttrCase<"Scalar", 0, "scalar">,
    I32EnumAttrCase<"SSE2", 1, "sse2">,
    I32EnumAttrCase<"AVX2", 2, "avx2">,
    I32EnumAttrCase<"AVX512", 3, "avx512">,
    I32EnumAttrCase<"NEON", 4, "neon">,
    I32EnumAttrCase<"SVE", 5, "sve">,
    I32EnumAttrCase<"RVV", 6, "rvv">,
    I32EnumAttrCase<"SIMD128", 7, "simd128">]>;

def Softmax_Accuracy : Softmax_Enum<"Accuracy",
    "which polynomials evaluate exp and log", [
    I32EnumAttrCase<"Accurate", 0, "accurate">,
    I32EnumAttrCase<"Fast", 1, "fast">]>;

def Softmax_Threads : Softmax_Enum<"Threads", "who runs the tasks of a kernel", [
    I32EnumAttrCase<"None", 0, "none">,
    I32EnumAttrCase<"OpenMP", 1, "openmp">,
    I32EnumAttrCase<"Hook", 2, "hook">]>;

def Softmax_Residence : Softmax_Enum<"Residence",
    "where a row lies between the sweeps of a GPU kernel", [
    I32EnumAttrCase<"Registers", 0, "registers">,
    I32EnumAttrCase<"Memory", 1, "memory">,
    I32EnumAttrCase<"Shared", 2, "shared">]>;

def Softmax_GPUIsa : Softmax_Enum<"GPUIsa", "the GPU code to write", [
    I32EnumAttrCase<"NVVM", 0, "nvvm">,
    I32EnumAttrCase<"ROCDL", 1, "rocdl">,
    I32EnumAttrCase<"SPIRV", 2, "spirv">]>;

def Softmax_Exponential : Softmax_Enum<"Exponential",
    "what evaluates exponentials in f32", [
    I32EnumAttrCase<"Polynomial", 0, "polynomial">,
    I32EnumAttrCase<"Hardware", 1, "hardware">,
    I32EnumAttrCase<"Product", 2, "product">]>;

class Softmax_EnumParameter<EnumAttrInfo info, string default>
    : DefaultValuedParameter<"::mlir::softmax::" # info.className,
                             "::mlir::softmax::" # info.className # "::" #
                                 default,
                             info.summary> {
  let parser = [{
    ::mlir::FieldParser<::mlir::softmax::}] # info.className # [{>::parse($_parser)
  }];
  let printer = "$_printer << stringify" # info.className # "($_self)";
}

def Softmax_CPUScheduleAttr : AttrDef<Softmax_Dialect, "CPUSchedule"> {
  let mnemonic = "cpu_schedule";
  let summary = "how a kernel is computed on a CPU";
  let description = [{
    Written by `softmax-select-cpu-schedule`, a user or a tuner; read by the
    lowering. It lies on the kernel function as `softmax.schedule`.

    | field | meaning |
    |---|---|
    | traversal | `reference`: scalar loops, any axis, any strides. `stream`: vectors along the class axis; a row is swept in blocks that stay in L1, so each row is read from memory once for all its sums and once for its results. `inner`: vectors along the innermost of the other dimensions, whose lanes are rows, in blocks as well. Both gather where their dimension has no unit stride |
    | isa | vector instructions to write for; decides masks, FMA, conversions |
    | lanes | elements per vector, of the type that sums are kept in: f32, or f64 for f64 data (times vscale for `sve` and `rvv`) |
    | unroll | vectors per step, each with accumulators of its own: along the row for `stream`, of neighbouring rows for `inner` |
    | block | columns per block; also the interval of the second-level sums |
    | prefetch | how far ahead, in bytes, the sweep over the sums asks for what comes next; 0 for not at all |
    | nontemporal | outputs of at least that many bytes go past the caches; -1: never |
    | rows_per_task | rows that one task of a parallel loop takes |
    | tile | the most rows whose steps take turns at a block of columns, for `inner`: whole lines of neighbouring rows are read then, not a cache line of each column |
    | threads | who runs the tasks |
    | accuracy | which polynomials evaluate exp and log |

    Constraints:
    * (C1) lanes is a power of two in [1, 64];
    * (C2) unroll is in [1, 8];
    * (C3) block is a positive multiple of 2 * lanes * unroll, for `inner` of 8, and at most 65536;
    * (C4) prefetch is in [0, 65536];
    * (C5) nontemporal is -1 or more, and -1 unless the ISA has such stores, and for `inner`;
    * (C6) rows_per_task is positive;
    * (C7) `reference` has one lane and the `scalar` ISA; the others have more;
    * (C8) tile is in [1, 4096], and 1 unless the traversal is `inner`.
  }];
  let parameters = (ins
    Softmax_EnumParameter<Softmax_Traversal, "Reference">:$traversal,
    Softmax_EnumParameter<Softmax_Isa, "Scalar">:$isa,
    DefaultValuedParameter<"int64_t", "1">:$lanes,
    DefaultValuedParameter<"int64_t", "1">:$unroll,
    DefaultValuedParameter<"int64_t", "4096">:$block,
    DefaultValuedParameter<"int64_t", "0">:$prefetch,
    DefaultValuedParameter<"int64_t", "-1">:$nontemporal,
    DefaultValuedParameter<"int64_t", "1">:$rows_per_task,
    DefaultValuedParameter<"int64_t", "1">:$tile,
    Softmax_EnumParameter<Softmax_Threads, "None">:$threads,
    Softmax_EnumParameter<Softmax_Accuracy, "Accurate">:$accuracy);
  let assemblyFormat = "`<` struct(params) `>`";
  let genVerifyDecl = 1;
  let extraClassDeclaration = [{
    /// The schedule of the reference traversal.
    static CPUScheduleAttr getReference(::mlir::MLIRContext *context);
    /// Vectors have a length that is known at run time only.
    bool isScalable() const;
    bool hasFMA() const;
    bool hasScalef() const;
    /// f16 is converted to and from f32 by the hardware.
    bool hasHalfConversion() const;
    /// Loads and stores of `bits`-wide elements can be masked in hardware.
    bool hasMaskedAccess(unsigned bits) const;
  }];
}

def Softmax_GPUScheduleAttr : AttrDef<Softmax_Dialect, "GPUSchedule"> {
  let mnemonic = "gpu_schedule";
  let summary = "how a kernel is computed on a GPU";
  let description = [{
    Written by `softmax-select-gpu-schedule`, a user or a tuner; read by the
    lowering. It lies on the kernel function as `softmax.schedule`.

    A row is shared by `threads` threads of one block, or by all threads of
    `cluster` blocks; a block takes `block / threads` rows at a time and goes on
    with those `blocks` blocks further. Of each `threads * vector` neighbouring
    columns a thread owns `vector` neighbouring ones, so which thread adds up
    which columns, and in which order, depends on the number of columns and on
    the schedule only.

    | field | meaning |
    |---|---|
    | isa | the code to write: `nvvm`, `rocdl` or `spirv` |
    | residence | `registers`: each element is read once and stays in registers; the class axis is static. `shared`: each element is read once and stays in the shared memory of the block; the class axis is static. `memory`: every sweep reads the row again, out of a cache where it fits |
    | threads | threads of a block per row; where the class axis is not innermost, neighbouring threads have neighbouring rows |
    | block | threads per block |
    | vector | neighbouring columns per access and thread |
    | steps | accesses of a thread and row operand in flight: with `registers` all of a row, with `memory` those of one iteration |
    | blocks | the most blocks of a launch |
    | cluster | blocks per row, which exchange values through each other's shared memory: `nvvm` from sm_90 on |
    | slices | parts that a row is folded in, one after the other or, when all parts of all rows are at most `blocks`, each by a block of its own and with a launch for every sweep; the bits are the same |
    | exp | `polynomial`: as on CPUs. `hardware`: the GPU's 2^x, an instruction of 2 ULP, after a range reduction with error term; enough for 16-bit data, and half of the arithmetic. `product`: where 16-bit results alone are made of it, the same instruction on the rounded product of x and log2 e, which errs by about \|x\| ULP of f32 more |
    | accuracy | which polynomials evaluate exp and log |

    Constraints:
    * (G1) threads and block are powers of two, 1 <= threads <= block <= 1024;
    * (G2) vector is 1, 2, 4 or 8, and at most 4 for `spirv`;
    * (G3) steps is in [1, 64];
    * (G4) blocks is in [1, 65535];
    * (G5) exp is `polynomial` for `spirv`, whose 2^x has no useful bound;
    * (G6) cluster is 1, 2, 4, 8 or 16; more than 1 only for `nvvm`, and then threads = block >= 32;
    * (G7) slices is in [1, 64]; more than 1 only for residence = memory without clusters, and then slices <= threads = block.
  }];
  let parameters = (ins
    Softmax_EnumParameter<Softmax_GPUIsa, "NVVM">:$isa,
    Softmax_EnumParameter<Softmax_Residence, "Memory">:$residence,
    DefaultValuedParameter<"int64_t", "32">:$threads,
    DefaultValuedParameter<"int64_t", "128">:$block,
    DefaultValuedParameter<"int64_t", "1">:$vector,
    DefaultValuedParameter<"int64_t", "1">:$steps,
    DefaultValuedParameter<"int64_t", "2048">:$blocks,
    DefaultValuedParameter<"int64_t", "1">:$cluster,
    DefaultValuedParameter<"int64_t", "1">:$slices,
    Softmax_EnumParameter<Softmax_Exponential, "Polynomial">:$exp,
    Softmax_EnumParameter<Softmax_Accuracy, "Accurate">:$accuracy);
  let assemblyFormat = "`<` struct(params) `>`";
  let genVerifyDecl = 1;
  let extraClassDeclaration = [{
    /// Neighbouring threads that can exchange values without shared memory: the
    /// subgroup, of which `spirv` takes the smallest that devices have.
    int64_t getLanes() const;
    /// 16-bit floats are loaded and stored as integers.
    bool hasHalfTypes() const;
    bool hasFMA() const;
  }];
}

#endif // DIALECT_SOFTMAX_SOFTMAXATTRS_TD
