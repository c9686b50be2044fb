// What the driver of this folder has beside CUDA's own functions, for tests.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#ifndef TEST_PTX_DRIVER_H
#define TEST_PTX_DRIVER_H

extern "C" {

/// Why the last failed call failed; empty where none has. To be read before
/// the next call.
const char *ptxFault();
/// Ends the state in which a failed launch makes all later calls fail.
void ptxReset();
/// How many launches have ended well.
long ptxLaunches();
}

#endif // TEST_PTX_DRIVER_H
