package dev.millrace.network;

import static org.assertj.core.api.Assertions.assertThat;

import dev.millrace.kernel.Kernels;
import dev.millrace.kernel.Team;
import dev.millrace.kv.BlockTable;
import dev.millrace.kv.KvLayer;
import dev.millrace.kv.KvPool;
import dev.millrace.kv.KvType;
import dev.millrace.model.ModelFile;
import dev.millrace.tensor.Dim.LogitRows;
import dev.millrace.tensor.Dim.Vocab;
import dev.millrace.tensor.Matrix;
import java.lang.foreign.MemorySegment;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.ArrayList;
import java.util.Collections;
import java.util.HexFormat;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.function.IntSupplier;
import java.util.stream.IntStream;

/**
 * Runs a prompt through a network along different paths, which must all give the same logits to the
 * bit. The pool starts full of NaN and hands its blocks out in random order; they come back dirty.
 */
final class PromptRunner implements AutoCloseable {
  private static final int SEQUENCES = 8;

  private final Team team;
  private final Network network;
  private final KvPool pool;
  private final List<Integer> freeBlocks;
  private final int[] prompt;
  private final int length;
  private final int loggedRows;
  private final Random random;

  /**
   * @param length of the prompt
   * @param loggedRows how many of the prompt's last tokens have their logits compared
   */
  PromptRunner(
      ModelFile file, Kernels kernels, int threads, int blockSize, int length, int loggedRows) {
    this(file, kernels, threads, blockSize, length, loggedRows, KvType.F32);
  }

  PromptRunner(
      ModelFile file,
      Kernels kernels,
      int threads,
      int blockSize,
      int length,
      int loggedRows,
      KvType kvType) {
    this.length = length;
    team = Team.of(threads);
    StepLimits limits = new StepLimits(2 * length, 2 * length, length);
    network = Network.load(file, kernels, team, limits);
    NetworkConfig config = network.config();
    int blocks = SEQUENCES * Math.ceilDiv(length, blockSize);
    pool =
        new KvPool(config.layers(), config.kvHeads(), config.headDim(), blocks, blockSize, kvType);
    freeBlocks = new ArrayList<>(IntStream.range(0, blocks).boxed().toList());
    freeBlocks.forEach(this::poison);
    random = new Random(blockSize);
    prompt = prompt(new Random(7));
    this.loggedRows = loggedRows;
  }

  private int[] prompt(Random random) {
    return random.ints(length, 0, network.config().vocabulary()).toArray();
  }

  /** Digests by path. */
  Map<String, String> allPaths() {
    return Map.of(
        "at once", atOnce(),
        "token by token", tokenByToken(),
        "in random chunks", inRandomChunks(),
        "together with 7 others", together());
  }

  /** Digest of the logits, prefilled at once. */
  String atOnce() {
    return run(() -> length, 0);
  }

  String tokenByToken() {
    return run(() -> 1, 0);
  }

  String inRandomChunks() {
    return run(() -> 1 + random.nextInt(60), 0);
  }

  /** In random chunks, in steps shared with 7 others, one of which turns NaN midway. */
  String together() {
    return run(() -> 1 + random.nextInt(60), SEQUENCES - 1);
  }

  private String run(IntSupplier chunkSizes, int others) {
    MessageDigest digest = sha256();
    Running target = new Running(prompt, chunkSizes, loggedRows);
    Running sick = new Running(prompt(random), () -> 1, length);
    List<Running> all = new ArrayList<>(List.of(target));
    if (others > 0) {
      all.add(sick);
    }
    while (all.size() <= others) {
      all.add(new Running(prompt(random), () -> 1 + random.nextInt(9), random.nextInt(length)));
    }
    boolean sickSeen = false;
    while (target.left() > 0) {
      Collections.shuffle(all, random);
      List<Running> running = all.stream().filter(each -> each.left() > 0).toList();
      Matrix<LogitRows, Vocab> logits =
          network.forward(running.stream().map(Running::next).toList(), pool);
      int row = 0;
      for (Running each : running) {
        for (int i = 0; i < each.lastLogitRows; i++, row++) {
          if (each == target) {
            digest.update(row(logits, row).asByteBuffer());
          } else if (each == sick) {
            sickSeen |= Float.isNaN(logits.get(row, 0));
          }
        }
      }
      sick.poisonWhatIsStored();
    }
    assertThat(sickSeen).as("a sequence that went NaN").isEqualTo(others > 0);
    all.forEach(Running::end);
    return HexFormat.of().formatHex(digest.digest());
  }

  private static MemorySegment row(Matrix<?, ?> matrix, int row) {
    long bytes = (long) matrix.columns() * Float.BYTES;
    return matrix.data().asSlice(row * bytes, bytes);
  }

  private void poison(int block) {
    for (int i = 0; i < network.config().layers(); i++) {
      KvLayer layer = pool.layer(i);
      long bytes = layer.keyOffset(1, 0); // of a block
      layer.k().asSlice(block * bytes, bytes).fill((byte) -1); // NaN in every type
      layer.v().asSlice(block * bytes, bytes).fill((byte) -1);
    }
  }

  /** A sequence; wants the logits of its last tokens. */
  private final class Running {
    private final int[] tokens;
    private final IntSupplier chunkSizes;
    private final int loggedRows;
    private final BlockTable blocks = new BlockTable();
    private int position;
    private int lastLogitRows;

    Running(int[] tokens, IntSupplier chunkSizes, int loggedRows) {
      this.tokens = tokens;
      this.chunkSizes = chunkSizes;
      this.loggedRows = loggedRows;
    }

    int left() {
      return length - position;
    }

    Chunk next() {
      int start = position;
      int count = Math.min(chunkSizes.getAsInt(), left());
      position += count;
      while (blocks.size() * pool.blockSize() < position) {
        Collections.shuffle(freeBlocks, random);
        blocks.append(freeBlocks.removeLast());
      }
      lastLogitRows = Math.clamp(position - (length - loggedRows), 0, count);
      return new Chunk(tokens, start, count, start, blocks, lastLogitRows);
    }

    void poisonWhatIsStored() {
      for (int i = 0; i < blocks.size(); i++) {
        poison(blocks.block(i));
      }
    }

    void end() {
      while (blocks.size() > 0) {
        freeBlocks.add(blocks.removeLast());
      }
    }
  }

  private static MessageDigest sha256() {
    try {
      return MessageDigest.getInstance("SHA-256");
    } catch (NoSuchAlgorithmException e) {
      throw new AssertionError(e);
    }
  }

  @Override
  public void close() {
    pool.close();
    network.close();
    team.close();
  }
}
