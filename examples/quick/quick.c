/* Runs a softmax and a cross-entropy kernel on rows of real size and times
 * them. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */

#include "cross_entropy_dx128256_f32.h"
#include "softmax_dx32000_f32.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

/* Vocabularies of Llama 2 and Llama 3. */
enum { softmax_classes = 32000, loss_classes = 128256 };

/* Rows checked against the definition; all of them would take seconds. */
enum { checked_rows = 2 };

enum { runs = 11, measurements = 4 };

static int failures;

static void expect(int condition, const char *what) {
  if (condition)
    return;
  fprintf(stderr, "quick: not so: %s\n", what);
  ++failures;
}

static void fail(const char *what) {
  fprintf(stderr, "quick: %s\n", what);
  exit(1);
}

/* A kernel refuses what it cannot compute and has then written nothing. */
static void check_status(int32_t status, const char *kernel) {
  if (status == SMX_OK)
    return;
  fprintf(stderr, "quick: %s returned status %d\n", kernel, (int)status);
  exit(1);
}

static void *allocate(size_t bytes) {
  void *memory = malloc(bytes);
  if (!memory)
    fail("not enough memory for that many rows");
  return memory;
}

static double now(void) {
  struct timespec t;
  timespec_get(&t, TIME_UTC);
  return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

/* SplitMix64: the same numbers on every machine. */
static uint64_t random_bits(uint64_t *state) {
  uint64_t z = *state += UINT64_C(0x9e3779b97f4a7c15);
  z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
  z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
  return z ^ (z >> 31);
}

/* Close to N(0, 1): the sum of eight uniform 16-bit numbers, made to have mean
 * 0 and variance 1. */
static float random_normal(uint64_t *state) {
  int64_t sum = 0;
  for (int word = 0; word < 2; ++word) {
    uint64_t bits = random_bits(state);
    for (int i = 0; i < 4; ++i)
      sum += (int64_t)(bits >> (16 * i) & 0xffff);
  }
  return (float)((double)(sum - 4 * 65535) / (65536.0 * sqrt(8.0 / 12.0)));
}

/* The log of the sum of exponentials, by the definition. */
static double log_sum_exp(const float *row, int64_t classes) {
  double max = row[0], sum = 0;
  for (int64_t j = 1; j < classes; ++j)
    max = fmax(max, row[j]);
  for (int64_t j = 0; j < classes; ++j)
    sum += exp(row[j] - max);
  return max + log(sum);
}

static void check_softmax(const float *logits, const float *p) {
  int64_t top[3] = {-1, -1, -1};
  double sum = 0;
  for (int64_t j = 0; j < softmax_classes; ++j) {
    sum += p[j];
    int64_t candidate = j;
    for (int k = 0; k < 3; ++k)
      if (top[k] < 0 || p[candidate] > p[top[k]]) {
        int64_t lower = top[k];
        top[k] = candidate;
        if (lower < 0)
          break;
        candidate = lower;
      }
  }
  double lse = log_sum_exp(logits, softmax_classes);
  printf("softmax, first row of 32000\n");
  for (int k = 0; k < 3; ++k) {
    double wanted = exp(logits[top[k]] - lse);
    printf("  class %5d  logit %7.4f  probability %.6f\n", (int)top[k],
           logits[top[k]], p[top[k]]);
    expect(fabs(p[top[k]] - wanted) <= 1e-6 * wanted,
           "the largest probabilities are exp(x - logsumexp(x))");
  }
  printf("  sum of probabilities      %.7f\n\n", sum);
  expect(fabs(sum - 1) <= 1e-6, "the probabilities sum to 1");
}

/* Each row of constant logits has the loss log(C), whatever the constant. */
static void check_loss(float *logits, const int64_t *labels, float loss) {
  float few, equal;
  check_status(cross_entropy_dx128256_f32(logits, labels, &few, checked_rows),
               "cross-entropy");
  double wanted = 0;
  for (int64_t i = 0; i < checked_rows; ++i) {
    const float *row = logits + i * loss_classes;
    wanted += log_sum_exp(row, loss_classes) - row[labels[i]];
  }
  wanted /= checked_rows;
  expect(fabs(few - wanted) <= 1e-6 * wanted,
         "the loss is logsumexp(x) - x[label]");

  float *row = allocate(sizeof(float) * loss_classes);
  for (int64_t j = 0; j < loss_classes; ++j)
    row[j] = 100.0f;
  check_status(cross_entropy_dx128256_f32(row, labels, &equal, 1),
               "cross-entropy");
  free(row);
  double log_classes = log((double)loss_classes);
  printf("cross-entropy, 128256 classes\n");
  printf("  equal logits              %.6f  log(128256) is %.6f\n", equal,
         log_classes);
  printf("  these logits, any label   %.6f\n\n", loss);
  expect(fabs(equal - log_classes) <= 1e-6 * log_classes,
         "equal logits have the loss log(128256)");
}

/* Reads every element and little else: sums of integers, unlike those of
 * floats, may be reordered, so compilers make full-width loads of this. */
static uint64_t read_all(const float *x, size_t count) {
  uint64_t sum = 0, pair;
  for (size_t i = 0; i + 2 <= count; i += 2) {
    memcpy(&pair, x + i, sizeof pair);
    sum += pair;
  }
  return sum;
}

static int compare(const void *a, const void *b) {
  double x = *(const double *)a, y = *(const double *)b;
  return (x > y) - (x < y);
}

static double median(double *times) {
  qsort(times, runs, sizeof *times, compare);
  return times[runs / 2];
}

static int64_t parse_rows(const char *text) {
  char *end;
  long rows = strtol(text, &end, 10);
  if (end == text || *end || rows < checked_rows || rows > 1000000)
    fail("usage: quick [SOFTMAX_ROWS [LOSS_ROWS]], each at least 2");
  return rows;
}

int main(int argc, char **argv) {
  /* 128 MB each: well beyond the caches, so that memory sets the pace. */
  int64_t softmax_rows = argc > 1 ? parse_rows(argv[1]) : 1000;
  int64_t loss_rows = argc > 2 ? parse_rows(argv[2]) : 250;
  if (argc > 3)
    fail("usage: quick [SOFTMAX_ROWS [LOSS_ROWS]]");

  size_t softmax_count = (size_t)softmax_rows * softmax_classes;
  size_t loss_count = (size_t)loss_rows * loss_classes;
  /* One set of logits serves both kernels, as rows of different length. */
  size_t count = softmax_count > loss_count ? softmax_count : loss_count;
  float *logits = allocate(sizeof(float) * count);
  float *p = allocate(sizeof(float) * softmax_count);
  int64_t *labels = allocate(sizeof(int64_t) * (size_t)loss_rows);
  uint64_t state = 1;
  for (size_t i = 0; i < count; ++i)
    logits[i] = 4.0f * random_normal(&state);
  for (int64_t i = 0; i < loss_rows; ++i)
    labels[i] = (int64_t)(random_bits(&state) % loss_classes);

  float loss;
  check_status(softmax_dx32000_f32(logits, p, softmax_rows), "softmax");
  check_status(cross_entropy_dx128256_f32(logits, labels, &loss, loss_rows),
               "cross-entropy");
  check_softmax(logits, p);
  check_loss(logits, labels, loss);

  /* Interleaved, so that a slow moment of the machine meets all four. */
  double times[measurements][runs];
  uint64_t sink = 0;
  for (int run = 0; run < runs; ++run) {
    double t0 = now();
    sink += read_all(logits, softmax_count);
    double t1 = now();
    memcpy(p, logits, sizeof(float) * softmax_count);
    double t2 = now();
    check_status(softmax_dx32000_f32(logits, p, softmax_rows), "softmax");
    double t3 = now();
    check_status(cross_entropy_dx128256_f32(logits, labels, &loss, loss_rows),
                 "cross-entropy");
    double t4 = now();
    times[0][run] = t1 - t0;
    times[1][run] = t2 - t1;
    times[2][run] = t3 - t2;
    times[3][run] = t4 - t3;
  }

  /* Bytes that must move: a copy and a softmax read one tensor and write one,
   * a sum and a loss read one. */
  const char *names[measurements] = {"read", "copy", "softmax",
                                     "cross-entropy"};
  const size_t counts[measurements] = {softmax_count, softmax_count,
                                       softmax_count, loss_count};
  const int accesses[measurements] = {1, 2, 2, 1};
  double rates[measurements];
  printf("median of %d runs   ns per element   GB/s\n", runs);
  for (int i = 0; i < measurements; ++i) {
    double seconds = median(times[i]);
    expect(seconds > 0, "each run takes time");
    rates[i] = 1e-9 * (double)(4 * counts[i]) * accesses[i] / seconds;
    printf("  %-16s  %14.3f  %5.1f", names[i],
           1e9 * seconds / (double)counts[i], rates[i]);
    /* Each kernel against the measurement that moves the same bytes. */
    if (i == 2)
      printf("  %3.0f %% of copy", 100 * rates[2] / rates[1]);
    if (i == 3)
      printf("  %3.0f %% of read", 100 * rates[3] / rates[0]);
    printf("\n");
  }
  /* Uses the sums, or a compiler would drop the reading. */
  printf("  (checksum of the logits %016llx)\n", (unsigned long long)sink);

  free(labels);
  free(p);
  free(logits);
  return failures == 0 ? 0 : 1;
}
