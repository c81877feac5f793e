package dev.millrace.measure;

import dev.millrace.kernel.Kernels;
import dev.millrace.kernel.Team;
import dev.millrace.model.ModelFile;
import dev.millrace.model.ModelFormatException;
import dev.millrace.network.Chunk;
import dev.millrace.network.StepLimits;
import dev.millrace.tensor.Dim.LogitRows;
import dev.millrace.tensor.Dim.Vocab;
import dev.millrace.tensor.Matrix;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.List;
import java.util.OptionalInt;
import java.util.function.Consumer;

/**
 * How well a model predicts a text: exp of the mean negative log-probability of its tokens, as
 * llama.cpp's llama-perplexity defines it. The text's tokens are cut into chunks of one context
 * each, what is left over doesn't count; every chunk is read by itself, its first token replaced by
 * BOS if the model wants one in front; and of each chunk only what the second half predicts counts,
 * so that every prediction has half a context to go by.
 */
public final class Perplexity implements AutoCloseable {
  /** Tokens of a step: bounds what its logits take. */
  private static final int STEP_TOKENS = 256;

  private final Workbench workbench;
  private final Kernels kernels;
  private final int context;
  private final Arena arena = Arena.ofShared();
  private final MemorySegment weights; // [parts of the team][vocabulary], scratch

  /**
   * The result, or what is known so far.
   *
   * @param tokens that were predicted
   * @param standardError of the perplexity
   */
  public record Estimate(int chunks, int tokens, double perplexity, double standardError) {}

  /**
   * Loads the model.
   *
   * @param context tokens of a chunk: at least 4, at most the model's own context
   */
  public Perplexity(ModelFile file, Setup setup, int context) {
    kernels = setup.kernels();
    this.context = context;
    int rows = Math.min(STEP_TOKENS, context);
    workbench = new Workbench(file, setup, new StepLimits(rows, rows, context), 1);
    int vocabulary = workbench.network().config().vocabulary();
    weights = arena.allocate((long) setup.threads() * vocabulary * Float.BYTES, Matrix.ALIGNMENT);
  }

  /**
   * Reads a text.
   *
   * @param tokens as the tokenizer gives them with what the model expects in front
   * @param bos put at the beginning of each chunk, if the model wants one there
   * @param maxChunks of the text that are read
   * @param progress is told after each chunk
   * @throws IllegalArgumentException if the text has fewer than two chunks
   */
  public Estimate of(int[] tokens, OptionalInt bos, int maxChunks, Consumer<Estimate> progress) {
    if (tokens.length < 2 * context) {
      throw new IllegalArgumentException(
          "a text of %d tokens: two contexts of %d are the least"
              .formatted(tokens.length, context));
    }
    int chunks = Math.min(maxChunks, tokens.length / context);
    int counted = context - 1 - context / 2;
    double[] nll = new double[counted]; // by token of a chunk
    double sum = 0;
    double squares = 0;
    Estimate estimate = new Estimate(0, 0, Double.NaN, Double.NaN);
    for (int chunk = 0; chunk < chunks; chunk++) {
      int[] read = new int[context];
      System.arraycopy(tokens, chunk * context, read, 0, context);
      bos.ifPresent(id -> read[0] = id);
      read(read, nll);
      for (double each : nll) {
        sum += each;
        squares += each * each;
      }
      int count = (chunk + 1) * counted;
      double mean = sum / count;
      double variance = Math.max(0, squares / count - mean * mean);
      double perplexity = Math.exp(mean);
      estimate =
          new Estimate(
              chunk + 1, count, perplexity, perplexity * Math.sqrt(variance / (count - 1)));
      progress.accept(estimate);
    }
    return estimate;
  }

  /** Predicts the tokens behind the chunk's middle, each from all in front of it. */
  private void read(int[] chunk, double[] nll) {
    int middle = context / 2;
    int end = context - 1; // the last token is predicted, and predicts nothing
    for (int from = 0; from < end; from += STEP_TOKENS) {
      int to = Math.min(end, from + STEP_TOKENS);
      int firstLogged = Math.max(from, middle);
      int rows = Math.max(0, to - firstLogged);
      Matrix<LogitRows, Vocab> logits =
          workbench.forward(
              List.of(new Chunk(chunk, from, to - from, from, workbench.sequence(0), rows)));
      workbench
          .team()
          .run(
              (part, parts) -> {
                int last = Team.split(rows, part + 1, parts);
                for (int row = Team.split(rows, part, parts); row < last; row++) {
                  int predicted = chunk[firstLogged + row + 1];
                  nll[firstLogged + row - middle] = nll(logits, row, predicted, part);
                }
              });
    }
  }

  /** −log softmax(logits)[id] */
  private double nll(Matrix<LogitRows, Vocab> logits, int row, int id, int part) {
    MemorySegment data = logits.data();
    int vocabulary = logits.columns();
    long offset = (long) row * vocabulary * Float.BYTES;
    int best = kernels.argmax(data, offset, vocabulary);
    if (best < 0) {
      throw new ModelFormatException("the model's logits aren't finite");
    }
    float max = logits.get(row, best);
    long scratch = (long) part * vocabulary * Float.BYTES;
    double total = kernels.exp(data, offset, vocabulary, max, 1, weights, scratch);
    return Math.log(total) - ((double) logits.get(row, id) - max);
  }

  @Override
  public void close() {
    workbench.close();
    arena.close();
  }
}
