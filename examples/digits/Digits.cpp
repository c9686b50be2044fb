// Trains a softmax classifier on real handwritten digits with emitted kernels.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "cross_entropy_with_grad_dx10_f32.h"
#include "sgd_10x65_f32.h"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <random>
#include <string>
#include <vector>
#include <zlib.h>

#ifdef DIGITS_HAVE_CBLAS
#include <cblas.h>
#endif

namespace {

constexpr int classes = 10;
constexpr int pixels = 64;
// One further feature that is always 1 makes the bias a column of the weights.
constexpr int features = pixels + 1;

constexpr int heldBackStep = 5;
constexpr int batchSize = 32;
constexpr int epochs = 60;
constexpr float rate = 0.2f;
constexpr double wantedAccuracy = 0.95;

[[noreturn]] void fail(const std::string &what) {
  std::fprintf(stderr, "digits: %s\n", what.c_str());
  std::exit(1);
}

// A kernel refuses what it cannot compute and has then written nothing.
void check(int32_t status, const char *kernel) {
  if (status != SMX_OK)
    fail(std::string(kernel) + " returned status " + std::to_string(status));
}

struct Samples {
  std::vector<float> images; // rows x features
  std::vector<int64_t> labels;

  int64_t rows() const { return static_cast<int64_t>(labels.size()); }

  void append(const float *image, int64_t label) {
    images.insert(images.end(), image, image + features);
    labels.push_back(label);
  }
};

std::string readCompressed(const char *path) {
  gzFile file = gzopen(path, "rb");
  if (!file)
    fail(std::string("cannot open ") + path);
  std::string text;
  char buffer[1 << 16];
  int length;
  while ((length = gzread(file, buffer, sizeof buffer)) > 0)
    text.append(buffer, static_cast<size_t>(length));
  // A truncated file shows at the close only.
  if (length < 0 || gzclose(file) != Z_OK)
    fail(std::string("cannot decompress ") + path);
  return text;
}

// A whole number in [0, limit] that ends with `end`; moves `at` behind it.
long parseNumber(const char *&at, long limit, char end, int64_t line) {
  char *behind;
  long value = std::strtol(at, &behind, 10);
  if (behind == at || *behind != end || value < 0 || value > limit)
    fail("line " + std::to_string(line) + ": expected 64 pixels of 0 to 16 " +
         "and a digit, separated by commas");
  at = behind + 1;
  return value;
}

void readSamples(const char *path, Samples &training, Samples &heldBack) {
  std::string text = readCompressed(path);
  const char *at = text.c_str();
  for (int64_t line = 1; *at; ++line) {
    float image[features];
    for (int i = 0; i < pixels; ++i)
      image[i] = static_cast<float>(parseNumber(at, 16, ',', line)) / 16.0f;
    image[pixels] = 1.0f;
    long label = parseNumber(at, classes - 1, '\n', line);
    (line % heldBackStep == 0 ? heldBack : training).append(image, label);
  }
  if (training.rows() == 0 || heldBack.rows() == 0)
    fail(std::string(path) + " holds too few samples");
}

// logits (rows x classes) = images (rows x features) * weights^T.
void computeLogits(const float *images, const float *weights, float *logits,
                   int rows) {
#ifdef DIGITS_HAVE_CBLAS
  cblas_sgemm(CblasRowMajor, CblasNoTrans, CblasTrans, rows, classes, features,
              1.0f, images, features, weights, features, 0.0f, logits, classes);
#else
  for (int i = 0; i < rows; ++i)
    for (int c = 0; c < classes; ++c) {
      float sum = 0.0f;
      for (int k = 0; k < features; ++k)
        sum += images[i * features + k] * weights[c * features + k];
      logits[i * classes + c] = sum;
    }
#endif
}

// dweights (classes x features) = dlogits^T * images.
void computeWeightGradient(const float *dlogits, const float *images,
                           float *dweights, int rows) {
#ifdef DIGITS_HAVE_CBLAS
  cblas_sgemm(CblasRowMajor, CblasTrans, CblasNoTrans, classes, features, rows,
              1.0f, dlogits, classes, images, features, 0.0f, dweights,
              features);
#else
  std::fill_n(dweights, classes * features, 0.0f);
  for (int i = 0; i < rows; ++i)
    for (int c = 0; c < classes; ++c)
      for (int k = 0; k < features; ++k)
        dweights[c * features + k] +=
            dlogits[i * classes + c] * images[i * features + k];
#endif
}

class Classifier {
public:
  Classifier()
      : weights(classes * features, 0.0f), dweights(classes * features) {}

  // One step on samples [begin, begin + rows).
  void train(const Samples &samples, int64_t begin, int rows) {
    const float *images = samples.images.data() + begin * features;
    runLoss(images, samples.labels.data() + begin, rows);
    computeWeightGradient(dlogits.data(), images, dweights.data(), rows);
    check(sgd_10x65_f32(weights.data(), dweights.data(), rate), "sgd");
  }

  float loss(const Samples &samples) {
    return runLoss(samples.images.data(), samples.labels.data(),
                   static_cast<int>(samples.rows()));
  }

  double accuracy(const Samples &samples) {
    loss(samples);
    int64_t right = 0;
    for (int64_t i = 0; i < samples.rows(); ++i) {
      const float *row = logits.data() + i * classes;
      right += std::max_element(row, row + classes) - row == samples.labels[i];
    }
    return static_cast<double>(right) / static_cast<double>(samples.rows());
  }

private:
  // The mean loss; leaves the logits and their gradient behind.
  float runLoss(const float *images, const int64_t *labels, int rows) {
    logits.resize(static_cast<size_t>(rows) * classes);
    dlogits.resize(logits.size());
    computeLogits(images, weights.data(), logits.data(), rows);
    float mean;
    check(cross_entropy_with_grad_dx10_f32(logits.data(), labels, &mean,
                                           dlogits.data(), rows),
          "cross-entropy-with-grad");
    return mean;
  }

  std::vector<float> weights, dweights; // classes x features
  std::vector<float> logits, dlogits;   // rows x classes
};

// std::shuffle may differ between standard libraries; this may not.
Samples shuffle(const Samples &samples, std::mt19937 &random) {
  std::vector<int64_t> order(samples.labels.size());
  for (size_t i = 0; i < order.size(); ++i) {
    size_t j = random() % (i + 1);
    order[i] = order[j];
    order[j] = static_cast<int64_t>(i);
  }
  Samples result;
  for (int64_t i : order)
    result.append(samples.images.data() + i * features,
                  samples.labels[static_cast<size_t>(i)]);
  return result;
}

} // namespace

int main(int argc, char **argv) {
  if (argc != 2)
    fail("usage: digits FILE.csv.gz");
  Samples training, heldBack;
  readSamples(argv[1], training, heldBack);
#ifdef DIGITS_HAVE_CBLAS
  const char *products = "BLAS";
#else
  const char *products = "plain loops";
#endif
  std::printf("%lld images to train on, %lld held back; products by %s\n\n",
              static_cast<long long>(training.rows()),
              static_cast<long long>(heldBack.rows()), products);

  Classifier classifier;
  // With weights of zero every class is equally likely.
  float firstLoss = classifier.loss(training);
  if (std::fabs(firstLoss - std::log(10.0)) > 1e-5)
    fail("the loss before training is not log(10)");

  std::printf("epoch  loss    held-back loss  held-back accuracy\n");
  std::mt19937 random(1);
  float lastLoss = firstLoss;
  double accuracy = 0;
  for (int epoch = 0; epoch <= epochs; ++epoch) {
    if (epoch > 0) {
      training = shuffle(training, random);
      // The last batch is smaller: the batch is a dynamic extent.
      for (int64_t i = 0; i < training.rows(); i += batchSize)
        classifier.train(training, i,
                         static_cast<int>(std::min<int64_t>(
                             batchSize, training.rows() - i)));
    }
    if (epoch % 10 != 0 && epoch != 1 && epoch != 3)
      continue;
    float loss = classifier.loss(training);
    accuracy = classifier.accuracy(heldBack);
    std::printf("%5d  %.4f  %14.4f  %16.2f %%\n", epoch, loss,
                classifier.loss(heldBack), 100.0 * accuracy);
    if (epoch > 0 && !(loss < lastLoss))
      fail("the loss does not fall");
    lastLoss = loss;
  }

  bool good = accuracy >= wantedAccuracy;
  std::printf("\n%.2f %% of the held-back digits are recognised, wanted %.0f "
              "%%: %s\n",
              100.0 * accuracy, 100.0 * wantedAccuracy,
              good ? "passed" : "FAILED");
  return good ? 0 : 1;
}
