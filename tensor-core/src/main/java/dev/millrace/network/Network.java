package dev.millrace.network;

import dev.millrace.kv.KvPool;
import dev.millrace.tensor.Dim.LogitRows;
import dev.millrace.tensor.Dim.Vocab;
import dev.millrace.tensor.Matrix;
import java.util.List;

/** A loaded network. One caller at a time. */
public interface Network extends AutoCloseable {
  NetworkConfig config();

  /** Rows that one step can hold. */
  int maxTokens();

  /** Logit rows that one step can hold. */
  int maxLogitRows();

  /**
   * Computes one ragged step: stores the chunks' keys and values in the pool and returns logits of
   * the rows that want them, in the chunks' order. The result is valid until the next call.
   *
   * @throws IllegalArgumentException if a token, position, block or count is out of range
   */
  Matrix<LogitRows, Vocab> forward(List<Chunk> chunks, KvPool pool);

  @Override
  void close();
}
