package dev.millrace.network;

import dev.millrace.model.ModelFile;
import dev.millrace.network.NetworkConfig.RopeScaling;
import java.lang.foreign.ValueLayout;

/**
 * The Llama network as its papers write it, in double precision, one token after another, without
 * batches, blocks, tiles or kernels. Reads F32 weights.
 */
final class PlainLlama {
  private final ModelFile file;
  private final NetworkConfig config;

  PlainLlama(ModelFile file) {
    this.file = file;
    this.config = NetworkConfig.from(file);
  }

  /** Logits behind each token, [tokens][vocabulary]. */
  double[][] logits(int[] tokens) {
    int group = config.heads() / config.kvHeads();
    int dim = config.headDim();
    double[][][] keys = new double[config.layers()][tokens.length][];
    double[][][] values = new double[config.layers()][tokens.length][];
    double[][] logits = new double[tokens.length][];
    double[][] embedding = matrix("token_embd.weight");
    double[][] head = file.find("output.weight").isPresent() ? matrix("output.weight") : embedding;
    for (int t = 0; t < tokens.length; t++) {
      double[] x = embedding[tokens[t]].clone();
      for (int layer = 0; layer < config.layers(); layer++) {
        String name = "blk." + layer + ".";
        double[] h = norm(x, name + "attn_norm.weight");
        double[] q = rotate(times(matrix(name + "attn_q.weight"), h), t);
        keys[layer][t] = rotate(times(matrix(name + "attn_k.weight"), h), t);
        values[layer][t] = times(matrix(name + "attn_v.weight"), h);
        double[] attended = new double[q.length];
        for (int head1 = 0; head1 < config.heads(); head1++) {
          int kvHead = head1 / group;
          double[] weight = new double[t + 1];
          double sum = 0;
          for (int s = 0; s <= t; s++) {
            double score = 0;
            for (int d = 0; d < dim; d++) {
              score += q[head1 * dim + d] * keys[layer][s][kvHead * dim + d];
            }
            weight[s] = Math.exp(score / Math.sqrt(dim));
            sum += weight[s];
          }
          for (int s = 0; s <= t; s++) {
            for (int d = 0; d < dim; d++) {
              attended[head1 * dim + d] += weight[s] / sum * values[layer][s][kvHead * dim + d];
            }
          }
        }
        add(x, times(matrix(name + "attn_output.weight"), attended));
        h = norm(x, name + "ffn_norm.weight");
        double[] gate = times(matrix(name + "ffn_gate.weight"), h);
        double[] inner = times(matrix(name + "ffn_up.weight"), h);
        for (int i = 0; i < inner.length; i++) {
          inner[i] *= gate[i] / (1 + Math.exp(-gate[i]));
        }
        add(x, times(matrix(name + "ffn_down.weight"), inner));
      }
      logits[t] = times(head, norm(x, "output_norm.weight"));
    }
    return logits;
  }

  private double[] norm(double[] x, String name) {
    double squares = 0;
    for (double each : x) {
      squares += each * each;
    }
    double scale = 1 / Math.sqrt(squares / x.length + config.rmsEpsilon());
    double[] y = vector(name);
    for (int i = 0; i < y.length; i++) {
      y[i] *= x[i] * scale;
    }
    return y;
  }

  /** Each pair (a, b) of a head's features as the complex number a + bi, times exp(i·angle). */
  private double[] rotate(double[] x, int position) {
    int dimensions = config.rope().dimensions();
    for (int start = 0; start < x.length; start += config.headDim()) {
      for (int i = 0; i < dimensions / 2; i++) {
        double angle =
            position * Math.pow(config.rope().base(), -2.0 * i / dimensions) / divisor(i);
        double a = x[start + 2 * i];
        double b = x[start + 2 * i + 1];
        x[start + 2 * i] = a * Math.cos(angle) - b * Math.sin(angle);
        x[start + 2 * i + 1] = a * Math.sin(angle) + b * Math.cos(angle);
      }
    }
    return x;
  }

  private double divisor(int pair) {
    return switch (config.rope().scaling()) {
      case RopeScaling.None none -> 1;
      case RopeScaling.Linear(float factor) -> factor;
      case RopeScaling.Frequencies frequencies -> frequencies.divisors().get(pair);
    };
  }

  private static double[] times(double[][] matrix, double[] x) {
    double[] y = new double[matrix.length];
    for (int row = 0; row < y.length; row++) {
      for (int column = 0; column < x.length; column++) {
        y[row] += matrix[row][column] * x[column];
      }
    }
    return y;
  }

  private static void add(double[] x, double[] y) {
    for (int i = 0; i < x.length; i++) {
      x[i] += y[i];
    }
  }

  private double[] vector(String name) {
    float[] values = file.find(name).orElseThrow().data().toArray(ValueLayout.JAVA_FLOAT);
    double[] vector = new double[values.length];
    for (int i = 0; i < vector.length; i++) {
      vector[i] = values[i];
    }
    return vector;
  }

  private double[][] matrix(String name) {
    double[] values = vector(name);
    int rows = Math.toIntExact(file.find(name).orElseThrow().shape().getFirst());
    int columns = values.length / rows;
    double[][] matrix = new double[rows][columns];
    for (int row = 0; row < rows; row++) {
      System.arraycopy(values, row * columns, matrix[row], 0, columns);
    }
    return matrix;
  }
}
