package dev.millrace.engine;

import dev.millrace.kv.BlockTable;
import dev.millrace.request.GenerationRequest;

/** One request's tokens, blocks and progress. Owned by the engine's thread. */
public final class Sequence {
  private final long id;
  private final GenerationRequest request;
  private final BlockTable blocks = new BlockTable();

  public Sequence(long id, GenerationRequest request) {
    this.id = id;
    this.request = request;
  }

  public long id() {
    return id;
  }

  public GenerationRequest request() {
    return request;
  }

  public BlockTable blocks() {
    return blocks;
  }
}
