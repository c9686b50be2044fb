#!/usr/bin/env bash
# Installs what is missing, configures build/ and builds: setup.sh [TARGET..].
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
source "$(dirname "${BASH_SOURCE[0]}")/progress.sh"

# Without these nothing can be built.
required=(
  ccache clang-22 cmake g++ libffi-dev libgmock-dev libgtest-dev libmlir-22-dev
  libmpfr-dev lld-22 llvm-22-dev llvm-22-tools mlir-22-tools ninja-build
  pkg-config python3 zlib1g-dev
)
# Without these some tests, benchmarks or checks are left out.
optional=(
  clang-format-22 libbenchmark-dev libclang-rt-22-dev libomp-22-dev
  libopenblas-dev libvulkan-dev mesa-vulkan-drivers spirv-tools
)
# Kernels for AArch64 are run on x86 as well.
if [ "$(uname -m)" = x86_64 ]; then
  optional+=(libc6-dev-arm64-cross libgcc-12-dev-arm64-cross qemu-user)
fi

# missing PACKAGE..: those that are not installed.
missing() {
  local installed package
  installed=$(dpkg-query -W -f='${db:Status-Abbrev} ${Package}\n' "$@" \
    2>/dev/null | sed -n 's/^ii *//p' || true)
  for package in "$@"; do
    grep -qxF -- "$package" <<<"$installed" || printf '%s\n' "$package"
  done
}

# install PACKAGE..: as root, without questions.
install() {
  "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get install -y \
    --no-install-recommends -o DPkg::Lock::Timeout=300 "$@"
}

install_packages() {
  local need wish
  if ! command -v dpkg-query >/dev/null || ! command -v apt-get >/dev/null; then
    fail "this is not a Debian system. Install LLVM, MLIR and clang 22.1, lld," \
      "cmake, ninja, ccache, GoogleTest and MPFR by its own means, then:" \
      "cmake --preset release -DMLIR_DIR=FOLDER && cmake --build build"
  fi
  mapfile -t need < <(missing "${required[@]}")
  mapfile -t wish < <(missing "${optional[@]}")
  if [ $((${#need[@]} + ${#wish[@]})) -eq 0 ]; then
    return
  fi
  say "missing packages: ${need[*]} ${wish[*]}"
  as_root=()
  if [ "$(id -u)" -ne 0 ]; then
    as_root=(sudo)
    if ! command -v sudo >/dev/null || ! sudo -v; then
      if [ ${#need[@]} -eq 0 ]; then
        say "neither root nor sudo: going on without them"
        return
      fi
      fail "neither root nor sudo. Have an administrator run:" \
        "apt-get update && apt-get install ${need[*]} ${wish[*]}"
    fi
  fi
  step apt-update "updating package lists" "${as_root[@]}" apt-get update ||
    say "going on with the package lists that are there"
  if step apt-install "installing $((${#need[@]} + ${#wish[@]})) packages" \
    install "${need[@]}" "${wish[@]}"; then
    return
  fi
  if [ ${#need[@]} -gt 0 ]; then
    step apt-install "installing the required ones alone" \
      install "${need[@]}" ||
      fail "apt-get could not install ${need[*]}. LLVM 22 of Debian 12 comes" \
        "from its security archive: check that the package sources name" \
        "bookworm-security, run 'apt-get update' and try again"
  fi
  say "going on without: $(missing "${optional[@]}" | tr '\n' ' ')"
}

# As many compilers as there are processors, and memory for: 1.5 GiB for each.
jobs() {
  local processors memory
  processors=$(nproc)
  memory=$(awk '/^MemAvailable:/ {print int($2 / 1572864)}' /proc/meminfo)
  if [ "${memory:-1}" -lt "$processors" ]; then
    processors=${memory:-1}
  fi
  say $((processors > 1 ? processors : 1))
}

install_packages
# A configured folder is configured again by ninja, when something has changed.
if [ ! -f build/build.ninja ]; then
  step configure "configuring build/" cmake --preset release
fi
step build "building" ninja -C build -j "$(jobs)" "$@"
