// The functions that a C entry needs beside its kernels, as IR templates in
// which $NAME stands for the kernel's name.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "codegen/cpu/EntrySupport.h"

#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/IR/SymbolTable.h"
#include "mlir/Parser/Parser.h"

using namespace mlir;
using namespace mlir::softmax;

/// Parses `text` and moves its operations into `module`, declarations of the
/// same name only once.
static LogicalResult addTemplate(ModuleOp module, std::string text,
                                 StringRef name) {
  for (size_t at; (at = text.find("$NAME")) != std::string::npos;)
    text.replace(at, 5, name.str());
  OwningOpRef<ModuleOp> parsed =
      parseSourceString<ModuleOp>(text, module.getContext());
  if (!parsed)
    return module.emitError("entry template of '") << name << "' is malformed";
  SymbolTable symbols(module);
  for (Operation &op : llvm::make_early_inc_range(*parsed->getBody())) {
    auto symbol = SymbolTable::getSymbolName(&op);
    if (symbols.lookup(symbol))
      continue;
    op.remove();
    module.getBody()->push_back(&op);
  }
  return success();
}

LogicalResult softmax::addFailFunction(ModuleOp module, StringRef name,
                                       bool hasWeakSymbols) {
  if (!hasWeakSymbols)
    return addTemplate(module, R"mlir(
      llvm.func internal @$NAME__fail(%status: i32, %index: i64) -> i32 {
        llvm.return %status : i32
      })mlir",
                       name);
  return addTemplate(module, R"mlir(
    llvm.func extern_weak @smx_kernel_failed(!llvm.ptr, i32, i64)
    llvm.mlir.global internal constant @$NAME__name("$NAME\00")
        {addr_space = 0 : i32}
    llvm.func internal @$NAME__fail(%status: i32, %index: i64) -> i32
        attributes {passthrough = ["cold", "noinline"]} {
      %null = llvm.mlir.zero : !llvm.ptr
      %report = llvm.mlir.addressof @smx_kernel_failed : !llvm.ptr
      %linked = llvm.icmp "ne" %report, %null : !llvm.ptr
      llvm.cond_br %linked, ^report, ^done
    ^report:
      %name = llvm.mlir.addressof @$NAME__name : !llvm.ptr
      llvm.call @smx_kernel_failed(%name, %status, %index)
          : (!llvm.ptr, i32, i64) -> ()
      llvm.br ^done
    ^done:
      llvm.return %status : i32
    })mlir",
                     name);
}

LogicalResult softmax::addLogFunctions(ModuleOp module, StringRef name,
                                       StringRef description,
                                       bool hasWeakSymbols) {
  if (!hasWeakSymbols)
    return addTemplate(module, R"mlir(
      llvm.func internal @$NAME__begin() -> i64 {
        %zero = llvm.mlir.constant(0 : i64) : i64
        llvm.return %zero : i64
      }
      llvm.func internal @$NAME__end(%begin: i64, %bytes: i64) {
        llvm.return
      })mlir",
                       name);
  std::string text = R"mlir(
    llvm.func extern_weak @smx_kernel_begin() -> i64
    llvm.func extern_weak @smx_kernel_end(i64, !llvm.ptr, i64)
    llvm.mlir.global internal constant @$NAME__text("$DESCRIPTION\00")
        {addr_space = 0 : i32}
    llvm.func internal @$NAME__begin() -> i64 {
      %null = llvm.mlir.zero : !llvm.ptr
      %zero = llvm.mlir.constant(0 : i64) : i64
      %begin = llvm.mlir.addressof @smx_kernel_begin : !llvm.ptr
      %linked = llvm.icmp "ne" %begin, %null : !llvm.ptr
      llvm.cond_br %linked, ^call, ^done(%zero : i64)
    ^call:
      %time = llvm.call @smx_kernel_begin() : () -> i64
      llvm.br ^done(%time : i64)
    ^done(%result: i64):
      llvm.return %result : i64
    }
    llvm.func internal @$NAME__end(%begin: i64, %bytes: i64) {
      %zero = llvm.mlir.constant(0 : i64) : i64
      %logs = llvm.icmp "ne" %begin, %zero : i64
      llvm.cond_br %logs, ^call, ^done
    ^call:
      %text = llvm.mlir.addressof @$NAME__text : !llvm.ptr
      llvm.call @smx_kernel_end(%begin, %text, %bytes)
          : (i64, !llvm.ptr, i64) -> ()
      llvm.br ^done
    ^done:
      llvm.return
    })mlir";
  text.replace(text.find("$DESCRIPTION"), strlen("$DESCRIPTION"),
               description.str());
  return addTemplate(module, text, name);
}

/// The level is found once; any thread writes the same value to the cache.
static const char kLevelTemplate[] = R"mlir(
    llvm.mlir.global internal @$NAME__cached(-1 : i32) {alignment = 4 : i64} : i32
    llvm.func internal @$NAME__level() -> i32 {
      %cache = llvm.mlir.addressof @$NAME__cached : !llvm.ptr
      %unknown = llvm.mlir.constant(-1 : i32) : i32
      %cached = llvm.load %cache atomic monotonic {alignment = 4 : i64}
          : !llvm.ptr -> i32
      %known = llvm.icmp "ne" %cached, %unknown : i32
      llvm.cond_br %known, ^done(%cached : i32), ^find
    ^find:
      %level = llvm.call @$NAME__find() : () -> i32
      llvm.store %level, %cache atomic monotonic {alignment = 4 : i64}
          : i32, !llvm.ptr
      llvm.br ^done(%level : i32)
    ^done(%result: i32):
      llvm.return %result : i32
    })mlir";

/// SMX_TARGET names a level that is not to be exceeded.
static const char kLoweredTemplate[] = R"mlir(
    llvm.mlir.global internal constant @$NAME__variable("SMX_TARGET\00")
        {addr_space = 0 : i32}
    llvm.mlir.global internal constant @$NAME__level0("$LEVEL0\00")
        {addr_space = 0 : i32}
    llvm.mlir.global internal constant @$NAME__level1("$LEVEL1\00")
        {addr_space = 0 : i32}
    llvm.func @getenv(!llvm.ptr) -> !llvm.ptr
    llvm.func @strcmp(!llvm.ptr, !llvm.ptr) -> i32
    llvm.func internal @$NAME__find() -> i32
        attributes {passthrough = ["cold", "noinline"]} {
      %zero = llvm.mlir.constant(0 : i32) : i32
      %one = llvm.mlir.constant(1 : i32) : i32
      %null = llvm.mlir.zero : !llvm.ptr
      %found = llvm.call @$NAME__detect() : () -> i32
      %variable = llvm.mlir.addressof @$NAME__variable : !llvm.ptr
      %wish = llvm.call @getenv(%variable) : (!llvm.ptr) -> !llvm.ptr
      %wishes = llvm.icmp "ne" %wish, %null : !llvm.ptr
      llvm.cond_br %wishes, ^lower, ^done(%found : i32)
    ^lower:
      %name0 = llvm.mlir.addressof @$NAME__level0 : !llvm.ptr
      %differs0 = llvm.call @strcmp(%wish, %name0)
          : (!llvm.ptr, !llvm.ptr) -> i32
      %is0 = llvm.icmp "eq" %differs0, %zero : i32
      llvm.cond_br %is0, ^done(%zero : i32), ^next
    ^next:
      %name1 = llvm.mlir.addressof @$NAME__level1 : !llvm.ptr
      %differs1 = llvm.call @strcmp(%wish, %name1)
          : (!llvm.ptr, !llvm.ptr) -> i32
      %is1 = llvm.icmp "eq" %differs1, %zero : i32
      %least = llvm.intr.smin(%found, %one) : (i32, i32) -> i32
      %level = llvm.select %is1, %least, %found : i1, i32
      llvm.br ^done(%level : i32)
    ^done(%result: i32):
      llvm.return %result : i32
    })mlir";

/// A kernel with one variant has nothing to be lowered to.
static const char kPlainLevelTemplate[] = R"mlir(
    llvm.func internal @$NAME__find() -> i32 {
      %found = llvm.call @$NAME__detect() : () -> i32
      llvm.return %found : i32
    })mlir";

static LogicalResult addLevelFunction(ModuleOp module, StringRef name,
                                      bool lowers, StringRef level0,
                                      StringRef level1, StringRef detect) {
  std::string text = kLevelTemplate;
  if (lowers) {
    text += kLoweredTemplate;
    text.replace(text.find("$LEVEL0"), 7, level0.str());
    text.replace(text.find("$LEVEL1"), 7, level1.str());
  } else {
    text += kPlainLevelTemplate;
  }
  return addTemplate(module, text + detect.str(), name);
}

LogicalResult softmax::addX86LevelFunction(ModuleOp module, StringRef name,
                                           bool lowers) {
  // Levels of the x86-64 psABI. The operating system must save the wide
  // registers (XCR0), and XCR0 can be read only where OSXSAVE is set.
  return addLevelFunction(module, name, lowers, "x86-64", "x86-64-v3", R"mlir(
    llvm.func internal @$NAME__detect() -> i32 {
      %zero = llvm.mlir.constant(0 : i32) : i32
      %one = llvm.mlir.constant(1 : i32) : i32
      %two = llvm.mlir.constant(2 : i32) : i32
      %seven = llvm.mlir.constant(7 : i32) : i32
      %extended = llvm.mlir.constant(-2147483647 : i32) : i32
      %c0 = llvm.inline_asm has_side_effects asm_dialect = att
          "cpuid", "={ax},={bx},={cx},={dx},0,2,~{dirflag},~{fpsr},~{flags}"
          %zero, %zero : (i32, i32) -> !llvm.struct<(i32, i32, i32, i32)>
      %max = llvm.extractvalue %c0[0] : !llvm.struct<(i32, i32, i32, i32)>
      %has7 = llvm.icmp "uge" %max, %seven : i32
      llvm.cond_br %has7, ^leaf1, ^done(%zero : i32)
    ^leaf1:
      %c1 = llvm.inline_asm has_side_effects asm_dialect = att
          "cpuid", "={ax},={bx},={cx},={dx},0,2,~{dirflag},~{fpsr},~{flags}"
          %one, %zero : (i32, i32) -> !llvm.struct<(i32, i32, i32, i32)>
      %ecx1 = llvm.extractvalue %c1[2] : !llvm.struct<(i32, i32, i32, i32)>
      // FMA, MOVBE, OSXSAVE, AVX, F16C
      %mask1 = llvm.mlir.constant(943722496 : i32) : i32
      %bits1 = llvm.and %ecx1, %mask1 : i32
      %has1 = llvm.icmp "eq" %bits1, %mask1 : i32
      llvm.cond_br %has1, ^registers, ^done(%zero : i32)
    ^registers:
      %xcr0 = llvm.inline_asm has_side_effects asm_dialect = att
          "xgetbv", "={ax},={dx},{cx},~{dirflag},~{fpsr},~{flags}"
          %zero : (i32) -> !llvm.struct<(i32, i32)>
      %state = llvm.extractvalue %xcr0[0] : !llvm.struct<(i32, i32)>
      %c7 = llvm.inline_asm has_side_effects asm_dialect = att
          "cpuid", "={ax},={bx},={cx},={dx},0,2,~{dirflag},~{fpsr},~{flags}"
          %seven, %zero : (i32, i32) -> !llvm.struct<(i32, i32, i32, i32)>
      %ebx7 = llvm.extractvalue %c7[1] : !llvm.struct<(i32, i32, i32, i32)>
      %ce = llvm.inline_asm has_side_effects asm_dialect = att
          "cpuid", "={ax},={bx},={cx},={dx},0,2,~{dirflag},~{fpsr},~{flags}"
          %extended, %zero : (i32, i32) -> !llvm.struct<(i32, i32, i32, i32)>
      %ecxe = llvm.extractvalue %ce[2] : !llvm.struct<(i32, i32, i32, i32)>
      // BMI1, AVX2, BMI2; LZCNT; XMM and YMM state
      %mask3 = llvm.mlir.constant(296 : i32) : i32
      %bits3 = llvm.and %ebx7, %mask3 : i32
      %ok3 = llvm.icmp "eq" %bits3, %mask3 : i32
      %maske = llvm.mlir.constant(32 : i32) : i32
      %bitse = llvm.and %ecxe, %maske : i32
      %oke = llvm.icmp "eq" %bitse, %maske : i32
      %masky = llvm.mlir.constant(6 : i32) : i32
      %bitsy = llvm.and %state, %masky : i32
      %oky = llvm.icmp "eq" %bitsy, %masky : i32
      %v3a = llvm.and %ok3, %oke : i1
      %v3 = llvm.and %v3a, %oky : i1
      // AVX512F, DQ, CD, BW, VL; opmask and ZMM state
      %mask4 = llvm.mlir.constant(-805109760 : i32) : i32
      %bits4 = llvm.and %ebx7, %mask4 : i32
      %ok4 = llvm.icmp "eq" %bits4, %mask4 : i32
      %maskz = llvm.mlir.constant(230 : i32) : i32
      %bitsz = llvm.and %state, %maskz : i32
      %okz = llvm.icmp "eq" %bitsz, %maskz : i32
      %v4 = llvm.and %ok4, %okz : i1
      %wide = llvm.select %v4, %two, %one : i1, i32
      %level = llvm.select %v3, %wide, %zero : i1, i32
      llvm.br ^done(%level : i32)
    ^done(%result: i32):
      llvm.return %result : i32
    })mlir");
}

LogicalResult softmax::addAArch64LevelFunction(ModuleOp module,
                                               StringRef name, bool lowers) {
  // getauxval(AT_HWCAP) & HWCAP_SVE
  return addLevelFunction(module, name, lowers, "aarch64", "aarch64+sve", R"mlir(
    llvm.func @getauxval(i64) -> i64
    llvm.func internal @$NAME__detect() -> i32 {
      %hwcap = llvm.mlir.constant(16 : i64) : i64
      %bits = llvm.call @getauxval(%hwcap) : (i64) -> i64
      %shift = llvm.mlir.constant(22 : i64) : i64
      %one = llvm.mlir.constant(1 : i64) : i64
      %moved = llvm.lshr %bits, %shift : i64
      %sve = llvm.and %moved, %one : i64
      %level = llvm.trunc %sve : i64 to i32
      llvm.return %level : i32
    })mlir");
}
