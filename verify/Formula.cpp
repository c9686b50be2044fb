// Options of the manifest that change formulas.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "verify/Formula.h"

#include "llvm/ADT/StringSwitch.h"

#include <cmath>

using namespace mlir::softmax::verify;
using llvm::StringRef;

/// One of two words, of which `yes` sets the flag.
static bool setFlag(std::optional<StringRef> text, StringRef no, StringRef yes,
                    bool &flag) {
  flag = text == yes;
  return flag || text == no;
}

static bool setMask(std::optional<StringRef> text, Mask &mask) {
  auto parsed = llvm::StringSwitch<std::optional<Mask>>(text.value_or(""))
                    .Case("none", Mask::None)
                    .Case("causal", Mask::Causal)
                    .Case("boolean", Mask::Boolean)
                    .Case("additive", Mask::Additive)
                    .Default(std::nullopt);
  mask = parsed.value_or(Mask::None);
  return parsed.has_value();
}

bool Formula::set(StringRef key, const llvm::json::Value &value) {
  std::optional<StringRef> text = value.getAsString();
  double number = value.getAsNumber().value_or(NAN);
  bool isNumber = std::isfinite(number);
  if (key == "scale") {
    scale = number;
    return isNumber && number != 0;
  }
  if (key == "softcap") {
    softcap = number;
    return isNumber && number > 0;
  }
  if (key == "label_smoothing") {
    smoothing = number;
    return number >= 0 && number <= 1;
  }
  if (key == "z_loss") {
    zLoss = number;
    return isNumber;
  }
  if (key == "ignore_index") {
    std::optional<int64_t> integer = value.getAsInteger();
    ignoreIndex = integer.value_or(0);
    return integer.has_value();
  }
  if (key == "mask")
    return setMask(text, mask);
  if (key == "masked_rows")
    return setFlag(text, "nan", "zero", maskedRowsAreZero);
  if (key == "empty_mean")
    return setFlag(text, "nan", "zero", emptyMeanIsZero);
  if (key == "zero_times_inf")
    return setFlag(text, "nan", "zero", zeroTimesInfIsZero);
  if (key == "target")
    return setFlag(text, "classes", "probabilities", probabilities);
  return false;
}
