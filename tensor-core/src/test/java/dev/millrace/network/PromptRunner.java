package dev.millrace.network;

import dev.millrace.kernel.Kernels;
import dev.millrace.kernel.Team;
import dev.millrace.kv.BlockTable;
import dev.millrace.kv.KvPool;
import dev.millrace.model.ModelFile;
import dev.millrace.tensor.Dim.LogitRows;
import dev.millrace.tensor.Dim.Vocab;
import dev.millrace.tensor.Matrix;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.ArrayList;
import java.util.Collections;
import java.util.HexFormat;
import java.util.List;
import java.util.Random;
import java.util.stream.IntStream;

/**
 * Runs a prompt through a network along different paths, which must all give the same logits to the
 * bit. The pool starts full of NaN and hands its blocks out in random order; they come back dirty.
 */
final class PromptRunner implements AutoCloseable {
  static final int PROMPT = 200;
  private static final int OTHERS = 7;

  private final Team team;
  private final Network network;
  private final KvPool pool;
  private final List<Integer> freeBlocks;
  private final int[] prompt;
  private final int loggedRows;
  private final Random random;

  /**
   * @param loggedRows how many of the prompt's last tokens have their logits compared
   */
  PromptRunner(ModelFile file, Kernels kernels, int threads, int blockSize, int loggedRows) {
    team = Team.of(threads);
    StepLimits limits = new StepLimits(PROMPT + 40, PROMPT, PROMPT);
    network = Network.load(file, kernels, team, limits);
    NetworkConfig config = network.config();
    int blocks = (OTHERS + 1) * Math.ceilDiv(PROMPT, blockSize);
    pool = new KvPool(config.layers(), config.kvHeads(), config.headDim(), blocks, blockSize);
    freeBlocks = new ArrayList<>(IntStream.range(0, blocks).boxed().toList());
    freeBlocks.forEach(this::poison);
    random = new Random(blockSize);
    prompt = prompt(new Random(7));
    this.loggedRows = loggedRows;
  }

  private int[] prompt(Random random) {
    return random.ints(PROMPT, 0, network.config().vocabulary()).toArray();
  }

  /** Digest of the logits, prefilled at once. */
  String atOnce() {
    return run(PROMPT, 0);
  }

  String tokenByToken() {
    return run(1, 0);
  }

  String inRandomChunks() {
    return run(0, 0);
  }

  /** In random chunks, in steps shared with 7 others, one of which turns NaN midway. */
  String together() {
    return run(0, OTHERS);
  }

  /**
   * @param chunk tokens a step; 0 is random
   */
  private String run(int chunk, int others) {
    MessageDigest digest = sha256();
    Running target = new Running(prompt);
    List<Running> all = new ArrayList<>(List.of(target));
    for (int i = 0; i < others; i++) {
      all.add(new Running(prompt(random)));
    }
    Running sick = all.getLast();
    boolean sickSeen = false;
    while (target.position < PROMPT) {
      if (sick != target && sick.position > 0) {
        sick.poisonWhatIsStored();
      }
      List<Chunk> chunks = new ArrayList<>();
      List<Running> owners = new ArrayList<>();
      Collections.shuffle(all, random);
      for (Running each : all) {
        int most = each == target ? PROMPT : 5;
        int count = Math.min(chunk == 0 ? 1 + random.nextInt(most / 4 + 1) : chunk, each.left());
        if (count > 0) {
          chunks.add(each.next(count));
          owners.add(each);
        }
      }
      Matrix<LogitRows, Vocab> logits = network.forward(chunks, pool);
      int row = 0;
      for (int i = 0; i < chunks.size(); i++) {
        for (int j = 0; j < chunks.get(i).logitRows(); j++, row++) {
          if (owners.get(i) == target) {
            digest.update(row(logits, row).asByteBuffer());
          } else if (owners.get(i) == sick) {
            sickSeen |= Float.isNaN(logits.get(row, 0));
          }
        }
      }
    }
    if (others > 0 && !sickSeen) {
      throw new AssertionError("no sequence went NaN: nothing is shown");
    }
    all.forEach(Running::end);
    return HexFormat.of().formatHex(digest.digest());
  }

  private static MemorySegment row(Matrix<?, ?> matrix, int row) {
    long bytes = (long) matrix.columns() * Float.BYTES;
    return matrix.data().asSlice(row * bytes, bytes);
  }

  private void poison(int block) {
    for (int i = 0; i < network.config().layers(); i++) {
      var layer = pool.layer(i);
      long floats = (long) layer.kvHeads() * layer.headDim() * layer.blockSize();
      for (long j = block * floats; j < (block + 1) * floats; j++) {
        layer.k().setAtIndex(ValueLayout.JAVA_FLOAT, j, Float.NaN);
        layer.v().setAtIndex(ValueLayout.JAVA_FLOAT, j, Float.NaN);
      }
    }
  }

  private final class Running {
    private final int[] tokens;
    private final BlockTable blocks = new BlockTable();
    private int position;

    Running(int[] tokens) {
      this.tokens = tokens;
    }

    int left() {
      return PROMPT - position;
    }

    Chunk next(int count) {
      int end = position + count;
      while (blocks.size() * pool.blockSize() < end) {
        Collections.shuffle(freeBlocks, random);
        blocks.append(freeBlocks.removeLast());
      }
      int logitRows = Math.clamp(end - (PROMPT - loggedRows), 0, count);
      Chunk chunk = new Chunk(tokens, position, count, position, blocks, logitRows);
      position = end;
      return chunk;
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
