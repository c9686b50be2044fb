/* Softmax and cross-entropy of [2.0, 1.0, 0.1], label 2, against wrong figures.
 * SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */

#include "cross_entropy_with_grad_1x3_f32.h"
#include "sgd_1x3_f32.h"
#include "softmax_1x3_f32.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

/* The figures of the example to ten digits, from the definitions in extended
 * precision: the kernels are held to these, not to what they return. */
static const double true_softmax[3] = {0.6590011389, 0.2424329707,
                                       0.0985658904};
static const double true_loss = 2.3170300134;
static const double true_gradient[3] = {0.6590011389, 0.2424329707,
                                        -0.9014341096};

/* What many tutorials print. */
static const double claimed_softmax[3] = {0.684, 0.251, 0.102};
static const double claimed_loss = 2.283;
static const double claimed_gradient[3] = {0.684, 0.251, -0.898};

static int failures;

/* A kernel refuses what it cannot compute and has then written nothing. */
static void check_status(int32_t status, const char *kernel) {
  if (status == SMX_OK)
    return;
  fprintf(stderr, "worked: %s returned status %d\n", kernel, (int)status);
  exit(1);
}

static void expect(int condition, const char *what) {
  if (condition)
    return;
  fprintf(stderr, "worked: not so: %s\n", what);
  ++failures;
}

/* Relative 1e-6: the bound that the kernels' headers state for the loss. */
static int near(double value, double expected) {
  return fabs(value - expected) <= 1e-6 * fabs(expected);
}

static int near3(const float value[3], const double expected[3]) {
  return near(value[0], expected[0]) && near(value[1], expected[1]) &&
         near(value[2], expected[2]);
}

static void print3(const char *label, double a, double b, double c) {
  printf("%-34s %7.4f %7.4f %7.4f   sum %.4f\n", label, a, b, c, a + b + c);
}

static void print_claimed3(const char *label, const double value[3]) {
  printf("%-34s %6.3f  %6.3f  %6.3f    sum %.3f\n", label, value[0], value[1],
         value[2], value[0] + value[1] + value[2]);
}

int main(void) {
  float logits[3] = {2.0f, 1.0f, 0.1f};
  const int64_t label[1] = {2};
  float p[3], gradient[3], loss;

  check_status(softmax_1x3_f32(logits, p), "softmax");
  check_status(cross_entropy_with_grad_1x3_f32(logits, label, &loss, gradient),
               "cross-entropy-with-grad");
  printf("logits 2.0 1.0 0.1, label 2\n\n");
  print3("softmax", p[0], p[1], p[2]);
  printf("%-34s %7.4f\n", "loss", loss);
  print3("gradient", gradient[0], gradient[1], gradient[2]);
  expect(near3(p, true_softmax), "softmax is 0.6590 0.2424 0.0986");
  expect(near(loss, true_loss), "the loss is 2.3170");
  expect(near3(gradient, true_gradient), "the gradient is 0.6590 0.2424 "
                                         "-0.9014");

  printf("\nThe figures of many tutorials\n\n");
  print_claimed3("softmax", claimed_softmax);
  printf("%-34s %6.3f\n", "loss", claimed_loss);
  print_claimed3("gradient", claimed_gradient);
  double claimed_sum =
      claimed_softmax[0] + claimed_softmax[1] + claimed_softmax[2];
  double exponentials = exp(2.0) + exp(1.0) + exp(0.1);
  printf("\nProbabilities sum to 1; these sum to %.3f. The exponentials %.3f, "
         "%.3f and %.3f\n"
         "add up to %.3f, but these quotients need a sum near %.1f. Loss and "
         "gradient follow\n"
         "from the wrong probability: -log(%.3f) = %.3f, %.3f - 1 = %.3f. The "
         "gradient of a\n"
         "cross-entropy sums to 0, this one to %.3f.\n",
         claimed_sum, exp(2.0), exp(1.0), exp(0.1), exponentials,
         exp(1.0) / claimed_softmax[1], claimed_softmax[2],
         -log(claimed_softmax[2]), claimed_softmax[2], claimed_softmax[2] - 1.0,
         claimed_gradient[0] + claimed_gradient[1] + claimed_gradient[2]);
  expect(fabs(claimed_sum - 1.037) < 1e-9, "the claimed sum is 1.037");
  expect(fabs(-log(claimed_softmax[2]) - claimed_loss) < 1e-3,
         "the claimed loss follows from the claimed probability");

  /* The loss takes logits and applies softmax itself. A training loop that
   * hands it probabilities applies softmax twice. */
  float twice_loss, twice_gradient[3], floor_loss;
  check_status(
      cross_entropy_with_grad_1x3_f32(p, label, &twice_loss, twice_gradient),
      "cross-entropy-with-grad");
  float twice[3];
  check_status(softmax_1x3_f32(p, twice), "softmax");
  const float certain[3] = {0.0f, 0.0f, 1.0f};
  float unused[3];
  check_status(
      cross_entropy_with_grad_1x3_f32(certain, label, &floor_loss, unused),
      "cross-entropy-with-grad");
  printf("\nSoftmax applied twice: probabilities given to a loss that takes "
         "logits\n\n");
  print3("softmax of softmax", twice[0], twice[1], twice[2]);
  printf("%-34s %7.4f\n", "loss", twice_loss);
  print3("gradient", twice_gradient[0], twice_gradient[1], twice_gradient[2]);
  printf("%-34s %7.4f\n", "loss of a perfect prediction", floor_loss);
  printf("\nA perfect prediction should have loss 0, but probabilities lie in "
         "[0, 1], so this\n"
         "loss never falls below log(1 + 2/e) = %.4f: training stalls while "
         "it looks like\n"
         "it works.\n",
         log(1.0 + 2.0 * exp(-1.0)));
  expect(near(twice_loss, 1.3625561397), "softmax twice has loss 1.3626");
  expect(near(floor_loss, 0.5514447139),
         "softmax twice never falls below 0.5514");

  const float rate = 0.5f;
  float loss_after;
  check_status(sgd_1x3_f32(logits, gradient, rate), "sgd");
  check_status(
      cross_entropy_with_grad_1x3_f32(logits, label, &loss_after, gradient),
      "cross-entropy-with-grad");
  printf("\nOne step of gradient descent, rate %.1f, logits as parameters\n\n",
         rate);
  printf("%-34s %7.4f %7.4f %7.4f\n", "logits", logits[0], logits[1],
         logits[2]);
  printf("%-34s %7.4f, before %.4f\n", "loss", loss_after, loss);
  expect(near(loss_after, 1.6960684462), "the step lowers the loss to 1.6961");

  if (failures == 0)
    printf("\nAll figures as expected.\n");
  return failures == 0 ? 0 : 1;
}
