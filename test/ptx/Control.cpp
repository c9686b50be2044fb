// What threads do together: barriers, shuffles, votes; and their end.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "Lanes.h"

using namespace ptx;

static void runActiveMask(Warp &warp, const Instruction &instruction,
                          Mask active) {
  uint32_t values[kLanes];
  for (uint32_t &value : values)
    value = active;
  commit(warp.at<uint32_t>(instruction.to[0]), values, active);
}

static void decodeShuffle(Decoder &d) {
  d.allow({"sync", "up", "down", "bfly", "idx"});
  if (!d.has("sync") || sizeOf(d.type()) != 4)
    d.fail("not known");
  d.count(5);
  Instruction &instruction = d.instruction;
  instruction.kind = Kind::Shuffle;
  instruction.mode =
      static_cast<uint8_t>(d.has("up")     ? ShuffleMode::Up
                           : d.has("down") ? ShuffleMode::Down
                           : d.has("bfly") ? ShuffleMode::Butterfly
                                           : ShuffleMode::Index);
  Written &result = d.operands[0];
  if (result.kind == Written::List) {
    instruction.to.push_back(d.places.result(result.parts[0], 4, false));
    instruction.to.push_back(d.places.predicate(result.parts[1], true));
  } else {
    instruction.to.push_back(d.places.result(result, 4, false));
  }
  // The mask of members comes last.
  for (int i = 1; i < 5; ++i)
    instruction.from.push_back(d.places.source(d.operands[i], 4, false));
}

static void decodeVote(Decoder &d) {
  d.allow({"sync", "all", "any", "uni", "ballot"});
  if (!d.has("sync"))
    d.fail("not known");
  d.count(3);
  Instruction &instruction = d.instruction;
  instruction.kind = Kind::Vote;
  bool isBallot = d.has("ballot");
  instruction.mode = static_cast<uint8_t>(isBallot       ? VoteMode::Ballot
                                          : d.has("all") ? VoteMode::All
                                          : d.has("any") ? VoteMode::Any
                                                         : VoteMode::Uniform);
  instruction.to.push_back(isBallot ? d.places.result(d.operands[0], 4, false)
                                    : d.places.predicate(d.operands[0], true));
  instruction.from.push_back(d.places.predicate(d.operands[1], false));
  instruction.from.push_back(d.places.source(d.operands[2], 4, false));
}

static void decodeBarrier(Decoder &d) {
  Instruction &instruction = d.instruction;
  if (d.is("bar") && d.has("warp")) {
    d.allow({"warp", "sync"});
    d.count(1);
    instruction.kind = Kind::WarpBarrier;
    instruction.from.push_back(d.places.source(d.operands[0], 4, false));
    return;
  }
  if (d.has("cluster")) {
    d.allow({"cluster", "arrive", "wait", "release", "acquire", "aligned"});
    d.count(0);
    instruction.kind =
        d.has("arrive") ? Kind::ClusterArrive : Kind::ClusterWait;
    return;
  }
  d.allow({"cta", "sync", "aligned"});
  if (!d.has("sync"))
    d.fail("not known");
  // Barriers of all threads; none of our kernels has others.
  d.count(1);
  if (d.operands[0].kind != Written::Integer || d.operands[0].value != 0)
    d.fail("barriers other than 0 are not known");
  instruction.kind = Kind::Barrier;
}

bool ptx::decodeControl(Decoder &d) {
  if (d.is("shfl")) {
    decodeShuffle(d);
  } else if (d.is("vote")) {
    decodeVote(d);
  } else if (d.is("bar") || d.is("barrier")) {
    decodeBarrier(d);
  } else if (d.is("activemask")) {
    d.count(1);
    d.instruction.to.push_back(d.places.result(d.operands[0], 4, false));
    d.instruction.run = runActiveMask;
  } else if (d.is("ret") || d.is("exit")) {
    d.count(0);
    d.instruction.kind = Kind::Exit;
  } else {
    return false;
  }
  return true;
}
