package dev.millrace.network;

import static org.assertj.core.api.Assertions.assertThat;

import com.google.gson.Gson;
import dev.millrace.gguf.GgufFile;
import dev.millrace.kernel.Kernels;
import dev.millrace.kernel.Team;
import dev.millrace.kernel.Weights;
import dev.millrace.kernel.scalar.ScalarKernels;
import dev.millrace.kernel.tier.Tiers;
import dev.millrace.kv.BlockTable;
import dev.millrace.kv.KvPool;
import dev.millrace.model.DefaultModel;
import dev.millrace.model.Metadata;
import dev.millrace.model.ModelFile;
import dev.millrace.model.TensorData;
import dev.millrace.tensor.ElementType;
import dev.millrace.tensor.Matrix;
import java.io.IOException;
import java.io.Reader;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;

/**
 * The default model against what llama.cpp answers with the same weights in F32: 24 prompts in one
 * ragged batch, 40 tokens each. The recording and how it was made are in tools/.
 */
class AgainstLlamaCppTest {
  private static final Path RECORDING =
      Path.of("../tools/reference/smollm2-135m-instruct.f32.json");
  private static final int TOKENS = 40;
  private static final int BLOCK = 32;

  /**
   * @param gaps between the log-probabilities of the two best, at each greedy token
   * @param top5 ids and log-probabilities behind the prompt
   */
  private record Recorded(int[] prompt_ids, int[] greedy, double[] gaps, double[][] top5) {}

  @Test
  void inF32TheNetworkIsTheSame() throws IOException {
    try (GgufFile file = GgufFile.open(DefaultModel.orSkip());
        Widened widened = Widened.of(file)) {
      Distance distance = distance(widened);

      assertThat(distance.mean()).isLessThan(0.003);
      assertThat(distance.gapsWhereTextsPart()).allMatch(gap -> gap < 0.02);
    }
  }

  /** Activations rounded to int8 are 0.08 to 0.09 away in llama.cpp too. */
  @Test
  void inQ4TheNetworkIsAsNearAsOthersAre() throws IOException {
    try (GgufFile file = GgufFile.open(DefaultModel.orSkip())) {
      Distance distance = distance(file);

      assertThat(distance.mean()).isLessThan(0.095);
      assertThat(distance.gapsWhereTextsPart()).allMatch(gap -> gap < 0.5);
    }
  }

  /**
   * @param mean difference of the recorded log-probabilities behind the prompts
   */
  private record Distance(double mean, List<Double> gapsWhereTextsPart) {}

  private static Distance distance(ModelFile file) throws IOException {
    Recorded[] recorded = recording();
    int prompts = Stream.of(recorded).mapToInt(each -> each.prompt_ids.length).sum();
    List<BlockTable> tables = tables(recorded);
    List<Double> differences = new ArrayList<>();
    List<Double> gaps = new ArrayList<>();
    try (Team team = Team.of(2);
        Network network =
            Network.load(
                file,
                Tiers.choose(Tiers.AUTO).kernels(),
                team,
                new StepLimits(prompts, recorded.length, 1024));
        KvPool pool = pool(network, tables)) {
      List<Chunk> step = new ArrayList<>();
      for (int i = 0; i < recorded.length; i++) {
        int[] ids = recorded[i].prompt_ids;
        step.add(new Chunk(ids, 0, ids.length, 0, tables.get(i), 1));
      }
      Matrix<?, ?> logits = network.forward(step, pool);
      for (int i = 0; i < recorded.length; i++) {
        double normalizer = logSumExp(logits, i);
        for (double[] candidate : recorded[i].top5) {
          double logprob = logits.get(i, (int) candidate[0]) - normalizer;
          differences.add(Math.abs(logprob - candidate[1]));
        }
      }
      boolean[] parted = new boolean[recorded.length];
      for (int token = 0; token < TOKENS; token++) {
        List<Chunk> next = new ArrayList<>();
        for (int i = 0; i < recorded.length; i++) {
          int id = argmax(logits, i);
          if (!parted[i] && token < recorded[i].greedy.length && id != recorded[i].greedy[token]) {
            parted[i] = true;
            gaps.add(recorded[i].gaps[token]);
          }
          Chunk last = step.get(i);
          int position = last.position() + last.count();
          next.add(new Chunk(new int[] {id}, 0, 1, position, last.blocks(), 1));
        }
        step = next;
        logits = network.forward(step, pool);
      }
    }
    double mean = differences.stream().mapToDouble(each -> each).average().orElseThrow();
    System.out.printf(
        "%s against llama.cpp in F32: mean difference %.5f; %d of %d texts equal, gaps of the"
            + " others %s%n",
        file.name(), mean, recorded.length - gaps.size(), recorded.length, gaps);
    return new Distance(mean, gaps);
  }

  private static Recorded[] recording() throws IOException {
    try (Reader reader = Files.newBufferedReader(RECORDING)) {
      return new Gson().fromJson(reader, Recorded[].class);
    }
  }

  private static List<BlockTable> tables(Recorded[] recorded) {
    List<BlockTable> tables = new ArrayList<>();
    int next = 0;
    for (Recorded each : recorded) {
      BlockTable table = new BlockTable();
      while (table.size() * BLOCK < each.prompt_ids.length + TOKENS) {
        table.append(next++);
      }
      tables.add(table);
    }
    return tables;
  }

  private static KvPool pool(Network network, List<BlockTable> tables) {
    NetworkConfig config = network.config();
    int blocks = tables.stream().mapToInt(BlockTable::size).sum();
    return new KvPool(config.layers(), config.kvHeads(), config.headDim(), blocks, BLOCK);
  }

  private static double logSumExp(Matrix<?, ?> logits, int row) {
    double max = logits.get(row, argmax(logits, row));
    return max
        + Math.log(
            IntStream.range(0, logits.columns())
                .mapToDouble(id -> Math.exp(logits.get(row, id) - max))
                .sum());
  }

  private static int argmax(Matrix<?, ?> logits, int row) {
    int best = 0;
    for (int id = 1; id < logits.columns(); id++) {
      if (logits.get(row, id) > logits.get(row, best)) {
        best = id;
      }
    }
    return best;
  }

  /** A file with its weights widened to F32. */
  private record Widened(ModelFile original, Map<String, TensorData> tensors, Arena arena)
      implements ModelFile {

    static Widened of(ModelFile file) {
      Arena arena = Arena.ofShared();
      Map<String, TensorData> tensors = new LinkedHashMap<>();
      file.tensors().forEach((name, tensor) -> tensors.put(name, widen(tensor, arena)));
      return new Widened(file, tensors, arena);
    }

    private static TensorData widen(TensorData tensor, Arena arena) {
      if (tensor.shape().size() == 1) {
        return tensor;
      }
      int rows = Math.toIntExact(tensor.shape().getFirst());
      int columns = Math.toIntExact(tensor.shape().getLast());
      long rowBytes = ElementType.F32.bytes(columns);
      MemorySegment data = arena.allocate(rows * rowBytes, Matrix.ALIGNMENT);
      Kernels kernels = new ScalarKernels();
      try (Arena packing = Arena.ofConfined()) {
        Weights weights = kernels.pack(tensor.type(), tensor.data(), rows, columns, packing);
        for (int row = 0; row < rows; row++) {
          kernels.lookup(weights, row, data, row * rowBytes);
        }
      }
      return new TensorData(tensor.name(), ElementType.F32, tensor.shape(), data);
    }

    @Override
    public String name() {
      return original.name() + " widened to F32";
    }

    @Override
    public Metadata metadata() {
      return original.metadata();
    }

    @Override
    public String fingerprint() {
      return original.fingerprint();
    }

    @Override
    public void close() {
      arena.close();
    }
  }
}
