package dev.millrace.distribution;

import static dev.millrace.distribution.PythonEnvironment.program;
import static dev.millrace.distribution.PythonEnvironment.succeed;

import com.google.gson.Gson;
import dev.millrace.kernel.Kernels;
import dev.millrace.kernel.tier.Tiers;
import dev.millrace.sampling.History;
import dev.millrace.sampling.Penalties;
import dev.millrace.sampling.Sampler;
import dev.millrace.sampling.SamplingSettings;
import dev.millrace.tensor.Dim.LogitRows;
import dev.millrace.tensor.Dim.Vocab;
import dev.millrace.tensor.Matrix;
import dev.millrace.tensor.Size;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.stream.IntStream;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/**
 * Random rows of logits under random settings: what the sampler draws from, against the definitions
 * of its parts, written in NumPy in float64 (src/test/python/samplers.py).
 */
class SamplersAgainstNumPyTest {
  private static final int ROWS = 1_000;
  private static final Kernels KERNELS = Tiers.choose("auto").kernels();

  /** As samplers.py reads it. */
  private record Case(
      int vocabulary,
      float temperature,
      int top_k,
      float top_p,
      float min_p,
      float repetition,
      float frequency,
      float presence,
      int window,
      Map<Integer, Float> bias,
      int[] tokens,
      int prompt,
      int[] forbidden,
      int @Nullable [] allowed) {

    static Case random(Random random) {
      int vocabulary =
          random.nextInt(8) == 0 ? 4_000 + random.nextInt(6_000) : 2 + random.nextInt(900);
      int[] tokens = random.ints(random.nextInt(60), 0, vocabulary).toArray();
      Map<Integer, Float> bias = new HashMap<>();
      for (int i = random.nextInt(4); i > 0; i--) {
        bias.put(random.nextInt(vocabulary), random.nextInt(-20, 20) / 4f);
      }
      boolean penalized = random.nextBoolean();
      return new Case(
          vocabulary,
          0.2f + random.nextFloat() * 1.8f,
          random.nextBoolean() ? 0 : 1 + random.nextInt(vocabulary),
          random.nextInt(3) == 0 ? 1 : 0.05f + random.nextFloat() * 0.95f,
          random.nextBoolean() ? 0 : random.nextFloat() * 0.3f,
          penalized ? 0.7f + random.nextFloat() : 1,
          penalized ? random.nextFloat() * 4 - 2 : 0,
          penalized ? random.nextFloat() * 4 - 2 : 0,
          random.nextBoolean() ? 0 : random.nextInt(80),
          bias,
          tokens,
          random.nextInt(tokens.length + 1),
          random.ints(random.nextInt(2), 1, vocabulary).toArray(),
          random.nextInt(3) == 0
              ? IntStream.range(0, vocabulary)
                  .filter(id -> id == 0 || random.nextInt(3) == 0)
                  .toArray()
              : null);
    }

    SamplingSettings settings() {
      Penalties penalties = new Penalties(repetition, frequency, presence, window);
      return new SamplingSettings(temperature, top_k, top_p, min_p, penalties, bias, 1);
    }

    long @Nullable [] mask() {
      if (allowed == null) {
        return null;
      }
      long[] mask = new long[Math.ceilDiv(vocabulary, Long.SIZE)];
      for (int id : allowed) {
        mask[id / Long.SIZE] |= 1L << id;
      }
      return mask;
    }
  }

  @Test
  void whatIsKeptAndHowLikelyItIsAreAsDefined(@TempDir Path folder) throws IOException {
    PythonEnvironment.install();
    Random random = new Random(17);
    List<Case> cases = IntStream.range(0, ROWS).mapToObj(_ -> Case.random(random)).toList();
    int ids = cases.stream().mapToInt(Case::vocabulary).sum();
    ByteBuffer logits = ByteBuffer.allocate(ids * Float.BYTES).order(ByteOrder.LITTLE_ENDIAN);
    ByteBuffer results = ByteBuffer.allocate(ids * Double.BYTES).order(ByteOrder.LITTLE_ENDIAN);
    List<String> lines = new ArrayList<>();
    Gson gson = new Gson().newBuilder().serializeNulls().create();
    for (Case each : cases) {
      lines.add(gson.toJson(each));
      run(each, random, logits, results);
    }
    Files.write(folder.resolve("cases.jsonl"), lines);
    Files.write(folder.resolve("logits.bin"), logits.array());
    Files.write(folder.resolve("probabilities.bin"), results.array());

    String script = PythonEnvironment.SOURCES.resolve("samplers.py").toString();
    succeed(Command.of(program("python"), script, folder.toString()));
  }

  private static void run(Case each, Random random, ByteBuffer logits, ByteBuffer results) {
    try (Arena arena = Arena.ofConfined()) {
      Matrix<LogitRows, Vocab> row =
          Matrix.allocate(arena, new Size<>(1), new Size<>(each.vocabulary));
      boolean ties = random.nextInt(4) == 0;
      float deviation = 0.5f + random.nextFloat() * 5;
      for (int id = 0; id < each.vocabulary; id++) {
        float logit = (float) random.nextGaussian() * deviation;
        row.set(0, id, ties ? Math.round(logit) : logit);
        logits.putFloat(row.get(0, id));
      }
      Sampler sampler = new Sampler(KERNELS, each.vocabulary, arena);
      History history = new History(each.tokens, each.prompt, each.tokens.length);
      double[] probabilities =
          sampler.probabilities(row, 0, each.settings(), history, each.forbidden, each.mask());
      for (double probability : probabilities) {
        results.putDouble(probability);
      }
    }
  }
}
