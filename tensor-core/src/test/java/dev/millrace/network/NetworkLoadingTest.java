package dev.millrace.network;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.millrace.kernel.Team;
import dev.millrace.kernel.scalar.ScalarKernels;
import dev.millrace.model.ModelFormatException;
import dev.millrace.model.TensorData;
import dev.millrace.network.NetworkConfig.RopeScaling;
import dev.millrace.tensor.ElementType;
import java.lang.foreign.MemorySegment;
import java.util.Arrays;
import java.util.Collections;
import java.util.List;
import java.util.stream.LongStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class NetworkLoadingTest {
  private static final float[] DIVISORS = {1, 1, 1, 1.5f, 2, 4, 8, 8};

  private static NetworkConfig load(TinyModel model) {
    try (Team team = Team.of(1);
        Network network =
            Network.load(model, new ScalarKernels(), team, new StepLimits(8, 2, 4096))) {
      return network.config();
    }
  }

  private static void refused(TinyModel model, String message) {
    assertThatThrownBy(() -> load(model))
        .isInstanceOf(ModelFormatException.class)
        .hasMessage(message);
  }

  @Test
  void readsEverySize() {
    assertThat(load(new TinyModel()))
        .isEqualTo(
            new NetworkConfig(
                "llama",
                2,
                64,
                4,
                2,
                16,
                160,
                320,
                2048,
                1e-5f,
                new NetworkConfig.RopeConfig(16, 10000, new RopeScaling.None())));
  }

  @Test
  void fillsInWhatOlderFilesLeaveOut() {
    TinyModel model =
        new TinyModel()
            .withKvHeads(4)
            .without("llama.attention.head_count_kv")
            .without("llama.rope.freq_base");

    NetworkConfig config = load(model);

    assertThat(config.kvHeads()).isEqualTo(4);
    assertThat(config.headDim()).isEqualTo(16);
    assertThat(config.rope().base()).isEqualTo(10000);
  }

  @Test
  void readsHeadCountsGivenLayerByLayer() {
    assertThat(load(new TinyModel().with("llama.attention.head_count_kv", new int[] {2, 2})))
        .isEqualTo(load(new TinyModel()));
    refused(
        new TinyModel().with("llama.attention.head_count_kv", new int[] {2, 4}),
        "metadata key llama.attention.head_count_kv: file has [2, 4], expected the same for all"
            + " layers");
  }

  @Test
  void readsEveryScalingOfRope() {
    assertThat(scaling(new TinyModel().with("llama.rope.scaling.factor", 4.0)))
        .isEqualTo(new RopeScaling.Linear(4));
    assertThat(scaling(new TinyModel().with("llama.rope.scale_linear", 2.0)))
        .isEqualTo(new RopeScaling.Linear(2));
    assertThat(
            scaling(
                new TinyModel()
                    .with("llama.rope.scaling.type", "none")
                    .with("llama.rope.scaling.factor", 4.0)))
        .isEqualTo(new RopeScaling.None());
    assertThat(scaling(new TinyModel().withVector("rope_freqs.weight", DIVISORS)))
        .isInstanceOfSatisfying(
            RopeScaling.Frequencies.class,
            it -> assertThat(it.divisors()).containsExactly(1f, 1f, 1f, 1.5f, 2f, 4f, 8f, 8f));
  }

  private static RopeScaling scaling(TinyModel model) {
    return load(model).rope().scaling();
  }

  @Test
  void refusesAnotherArchitectureByName() {
    refused(
        new TinyModel().with("general.architecture", "qwen2"),
        "architecture \"qwen2\" is not supported; supported: [llama]");
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "llama.block_count",
        "llama.context_length",
        "llama.embedding_length",
        "llama.feed_forward_length",
        "llama.attention.head_count",
        "llama.attention.layer_norm_rms_epsilon",
        "general.architecture"
      })
  void namesAMissingKey(String key) {
    refused(new TinyModel().without(key), "metadata key " + key + " is missing");
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      textBlock =
          """
          llama.block_count                | 0          | a number between 1 and 256
          llama.block_count                | 1000000    | a number between 1 and 256
          llama.context_length             | 2147483647 | a number between 1 and 16777216
          llama.embedding_length           | -64        | a number between 1 and 32768
          llama.feed_forward_length        | 1073741824 | a number between 1 and 131072
          llama.attention.head_count       | 0          | a number between 1 and 256
          llama.attention.head_count_kv    | 3          | a divisor of the 4 heads
          llama.attention.head_count_kv    | 8          | a number between 1 and 4
          llama.attention.key_length       | 15         | an even number
          llama.attention.value_length     | 32         | the key length, 16
          llama.rope.dimension_count       | 18         | a number between 2 and 16
          llama.rope.dimension_count       | 7          | an even number
          """)
  void refusesASizeOutOfRange(String key, long value, String allowed) {
    refused(
        new TinyModel().with(key, value),
        "metadata key " + key + ": file has " + value + ", expected " + allowed);
  }

  @ParameterizedTest
  @CsvSource({
    "llama.expert_count, 8, 0.0",
    "llama.attention.sliding_window, 4096, 0.0",
    "llama.attention.clamp_kqv, 8, 0.0",
    "llama.logit_scale, 16, 1.0",
    "llama.residual_scale, 2, 1.0",
    "llama.embedding_scale, 12, 1.0",
    "llama.rope.scaling.attn_factor, 2, 1.0",
  })
  void refusesArithmeticThatItDoesNotHave(String key, long value, String neutral) {
    refused(
        new TinyModel().with(key, value),
        "metadata key %s: file has %d.0, expected %s: anything else is not supported"
            .formatted(key, value, neutral));
  }

  @Test
  void refusesNumbersThatAreNone() {
    refused(
        new TinyModel().with("llama.rope.freq_base", Double.NaN),
        "metadata key llama.rope.freq_base: file has NaN, expected a finite number above 0");
    refused(
        new TinyModel().with("llama.attention.layer_norm_rms_epsilon", -1e-5),
        "metadata key llama.attention.layer_norm_rms_epsilon: file has -1.0E-5, expected a finite"
            + " number above 0");
  }

  @Test
  void namesAScalingOfRopeThatItDoesNotHave() {
    refused(
        new TinyModel().with("llama.rope.scaling.type", "yarn"),
        "metadata key llama.rope.scaling.type: file has \"yarn\", expected none or linear (Llama"
            + " 3.1's scaling comes as the tensor rope_freqs.weight)");
  }

  @Test
  void refusesTwoScalingsOfRopeAtOnce() {
    refused(
        new TinyModel()
            .withVector("rope_freqs.weight", DIVISORS)
            .with("llama.rope.scaling.type", "linear")
            .with("llama.rope.scaling.factor", 4.0),
        "metadata key llama.rope.scaling.factor: file has 4.0, expected 1 beside the tensor"
            + " rope_freqs.weight");
  }

  @Test
  void namesEveryMissingTensor() {
    for (String name : new TinyModel().tensors().keySet()) {
      if (name.equals("output.weight")) {
        continue; // without it the head is tied
      }
      assertThatThrownBy(() -> load(new TinyModel().without(name)))
          .isInstanceOf(ModelFormatException.class)
          .hasMessageStartingWith("tensor " + name + " is missing");
    }
  }

  @Test
  void namesBothShapesOfEveryWrongTensor() {
    for (TensorData right : new TinyModel().tensors().values()) {
      // The vocabulary's size is read from token_embd's rows, so its columns are changed.
      List<Long> wrong =
          right.shape().size() == 1 ? List.of(7L) : List.of(right.shape().getFirst(), 7L);

      refused(
          new TinyModel()
              .with(new TensorData(right.name(), ElementType.F32, wrong, MemorySegment.NULL)),
          "tensor %s: expected %s, file has %s".formatted(right.name(), right.shape(), wrong));
    }
  }

  /** Whatever is in it: here NaN, which would show in every answer. */
  @Test
  void rowsBehindTheLastTokenAreLeftOut() {
    TinyModel model = new TinyModel();
    String expected = digest(model);

    model.with(padded(model, "token_embd.weight")).with(padded(model, "output.weight"));

    assertThat(load(model).vocabulary()).isEqualTo(TinyModel.VOCABULARY);
    assertThat(digest(model)).isEqualTo(expected);
  }

  @Test
  void moreTokensThanRowsAreLeftToWhoeverReadsTheTokens() {
    TinyModel model = new TinyModel();
    model.with("tokenizer.ggml.tokens", Collections.nCopies(999, "a"));

    assertThat(load(model).vocabulary()).isEqualTo(TinyModel.VOCABULARY);
  }

  private static String digest(TinyModel model) {
    try (PromptRunner runner = new PromptRunner(model, new ScalarKernels(), 1, 16, 5, 5)) {
      return runner.atOnce();
    }
  }

  private static TensorData padded(TinyModel model, String name) {
    TensorData right = model.tensors().get(name);
    byte[] bytes = new byte[(int) right.bytes() + 16 * (int) right.rowBytes()];
    Arrays.fill(bytes, (byte) -1); // NaN
    MemorySegment data = MemorySegment.ofArray(bytes);
    MemorySegment.copy(right.data(), 0, data, 0, right.bytes());
    List<Long> shape = List.of(right.shape().getFirst() + 16, right.shape().getLast());
    return new TensorData(name, right.type(), shape, data);
  }

  @Test
  void refusesTensorsThatWouldBeLeftOut() {
    refused(
        new TinyModel().withVector("blk.1.attn_q.bias", new float[64]),
        "tensor blk.1.attn_q.bias: biases are not supported in this architecture");
    refused(
        new TinyModel().withVector("blk.0.attn_q_norm.weight", new float[16]),
        "tensor blk.0.attn_q_norm.weight is not a part of this architecture");
  }

  @Test
  void refusesQuantizedNorms() {
    refused(
        new TinyModel().with(zeros("output_norm.weight", ElementType.Q8_0, 64)),
        "tensor output_norm.weight: expected F32, F16 or BF16, file has Q8_0");
  }

  @Test
  void refusesRowsThatAreNotWholeBlocks() {
    TinyModel model = new TinyModel().with("llama.feed_forward_length", 72L);
    model.with(zeros("blk.0.ffn_gate.weight", ElementType.F32, 72, 64));
    model.with(zeros("blk.0.ffn_up.weight", ElementType.F32, 72, 64));
    model.with(zeros("blk.0.ffn_down.weight", ElementType.Q8_0, 64, 72));

    refused(
        model, "tensor blk.0.ffn_down.weight: rows of 72 values aren't whole blocks of 32 (Q8_0)");
  }

  private static TensorData zeros(String name, ElementType type, long... shape) {
    long bytes = type.bytes(LongStream.of(shape).reduce(1, (a, b) -> a * b));
    return new TensorData(
        name,
        type,
        LongStream.of(shape).boxed().toList(),
        MemorySegment.ofArray(new byte[(int) bytes]));
  }
}
