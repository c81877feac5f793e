package dev.millrace.gguf;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.fail;

import com.sun.management.ThreadMXBean;
import dev.millrace.model.ModelFormatException;
import dev.millrace.model.TensorData;
import java.io.ByteArrayOutputStream;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.lang.management.ManagementFactory;
import java.util.Arrays;
import java.util.Base64;
import java.util.List;
import java.util.Random;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/**
 * Mutated files: whatever the bytes, the parser gives a file whose tensors lie inside it, or a
 * {@link ModelFormatException}, and allocates no more than the input's size allows.
 *
 * <p>A failure prints the seed and the input. {@code -Dmillrace.fuzz.seed=N} repeats a run, {@code
 * -Dmillrace.fuzz.inputs=N} sets its length.
 */
class GgufFuzzTest {
  private static final int INPUTS = Integer.getInteger("millrace.fuzz.inputs", 100_000);
  private static final long SEED = Long.getLong("millrace.fuzz.seed", System.nanoTime());

  /**
   * The platform allocates a lot when code runs for the first time: no bounds on the first inputs.
   */
  private static final int WARM_UP = 5_000;

  /** Maps, messages, and rare code that runs for the first time after all. */
  private static final long FIXED_ALLOCATION = 1 << 20;

  /** An empty string takes 8 bytes in a file and 64 on the heap; the rest is maps and slices. */
  private static final long ALLOCATION_PER_BYTE = 40;

  private static final long MAX_NANOS = TimeUnit.SECONDS.toNanos(5);

  private static final long[] EXTREMES = {
    0,
    1,
    -1,
    7,
    31,
    127,
    128,
    255,
    65_535,
    1 << 20,
    Integer.MAX_VALUE,
    Integer.MIN_VALUE,
    0xFFFF_FFFFL,
    1L << 32,
    1L << 40,
    1L << 60,
    1L << 61,
    1L << 62,
    Long.MAX_VALUE,
    Long.MIN_VALUE,
    Long.MAX_VALUE - 31,
    -32
  };

  private final Random random = new Random(SEED);
  private final ThreadMXBean threads = (ThreadMXBean) ManagementFactory.getThreadMXBean();

  @Test
  @Timeout(value = 3, unit = TimeUnit.MINUTES, threadMode = Timeout.ThreadMode.SEPARATE_THREAD)
  void everyMutantIsReadOrRefusedWithinBounds() {
    List<RawGguf> seeds = List.of(vocabulary(), network(), version2());
    seeds.forEach(RawGguf::parse);
    int read = 0;
    for (int i = 0; i < INPUTS; i++) {
      byte[] input = mutant(seeds);
      if (survives(input, i)) {
        read++;
      }
    }
    // Neither all refused (mutations too wild to reach the depths) nor all read (too tame).
    assertThat(read).isBetween(INPUTS / 50, INPUTS / 2);
  }

  /** Parses; whether the file was read. Fails on any other outcome than read or refused. */
  private boolean survives(byte[] input, int number) {
    long allocatedBefore = threads.getCurrentThreadAllocatedBytes();
    long start = System.nanoTime();
    boolean read;
    try (GgufFile file = GgufFile.of("mutant", MemorySegment.ofArray(input))) {
      touchTensors(file);
      read = true;
    } catch (ModelFormatException e) {
      read = false;
    } catch (Throwable e) {
      return fail(describe(input, number), e);
    }
    long allocated = threads.getCurrentThreadAllocatedBytes() - allocatedBefore;
    if (number >= WARM_UP && allocated > FIXED_ALLOCATION + ALLOCATION_PER_BYTE * input.length) {
      fail("allocated %d bytes: %s", allocated, describe(input, number));
    }
    if (System.nanoTime() - start > MAX_NANOS) {
      fail("took too long: %s", describe(input, number));
    }
    return read;
  }

  private static void touchTensors(GgufFile file) {
    List<TensorData> tensors = List.copyOf(file.tensors().values());
    for (int i = 0; i < tensors.size(); i++) {
      TensorData tensor = tensors.get(i);
      long bytes = tensor.data().byteSize();
      long values = tensor.shape().stream().reduce(1L, Math::multiplyExact);
      assertThat(bytes).isEqualTo(tensor.type().bytes(values)).isPositive();
      tensor.data().get(ValueLayout.JAVA_BYTE, bytes - 1);
      for (TensorData other : tensors.subList(0, i)) {
        assertThat(tensor.data().asOverlappingSlice(other.data())).isEmpty();
      }
    }
  }

  private static String describe(byte[] input, int number) {
    return "seed %d, input %d: %s"
        .formatted(SEED, number, Base64.getEncoder().encodeToString(input));
  }

  // Mutations

  private byte[] mutant(List<RawGguf> seeds) {
    RawGguf seed = pick(seeds);
    byte[] bytes = seed.bytes();
    for (int i = 1 + random.nextInt(3); i > 0; i--) {
      bytes =
          switch (random.nextInt(8)) {
            case 0 -> flippedBit(bytes);
            case 1 -> Arrays.copyOf(bytes, random.nextInt(bytes.length + 1));
            case 2 -> withRandomByte(bytes);
            case 3 -> spliced(bytes, pick(seeds).bytes());
            case 4 -> withoutSlice(bytes);
            default -> withExtremeField(bytes, pick(seed.fields()));
          };
      if (bytes.length == 0) {
        break;
      }
    }
    return bytes;
  }

  private byte[] flippedBit(byte[] bytes) {
    bytes[random.nextInt(bytes.length)] ^= (byte) (1 << random.nextInt(8));
    return bytes;
  }

  private byte[] withRandomByte(byte[] bytes) {
    bytes[random.nextInt(bytes.length)] = (byte) random.nextInt();
    return bytes;
  }

  /** A length, count, type, dimension or offset becomes an extreme value or a near one. */
  private byte[] withExtremeField(byte[] bytes, RawGguf.Field field) {
    if (field.at() + field.size() > bytes.length) {
      return bytes;
    }
    MemorySegment segment = MemorySegment.ofArray(bytes);
    ValueLayout.OfLong asLong = ValueLayout.JAVA_LONG_UNALIGNED;
    ValueLayout.OfInt asInt = ValueLayout.JAVA_INT_UNALIGNED;
    boolean near = random.nextInt(3) == 0;
    int step = random.nextInt(9) - 4;
    long extreme = EXTREMES[random.nextInt(EXTREMES.length)];
    if (field.size() == Long.BYTES) {
      segment.set(asLong, field.at(), near ? segment.get(asLong, field.at()) + step : extreme);
    } else {
      int value = near ? segment.get(asInt, field.at()) + step : (int) extreme;
      segment.set(asInt, field.at(), value);
    }
    return bytes;
  }

  /** A piece of the other file put in, or over what is there. */
  private byte[] spliced(byte[] bytes, byte[] other) {
    int from = random.nextInt(other.length);
    int length = random.nextInt(Math.min(64, other.length - from) + 1);
    int at = random.nextInt(bytes.length);
    int goOn = Math.min(bytes.length, random.nextBoolean() ? at : at + length);
    ByteArrayOutputStream result = new ByteArrayOutputStream();
    result.write(bytes, 0, at);
    result.write(other, from, length);
    result.write(bytes, goOn, bytes.length - goOn);
    return result.toByteArray();
  }

  private byte[] withoutSlice(byte[] bytes) {
    int at = random.nextInt(bytes.length);
    int goOn = Math.min(bytes.length, at + random.nextInt(32));
    ByteArrayOutputStream result = new ByteArrayOutputStream();
    result.write(bytes, 0, at);
    result.write(bytes, goOn, bytes.length - goOn);
    return result.toByteArray();
  }

  private <T> T pick(List<T> list) {
    return list.get(random.nextInt(list.size()));
  }

  // Seeds

  private static RawGguf vocabulary() {
    return RawGguf.keys(6)
        .key("general.architecture", ValueType.STRING)
        .string("llama")
        .key("tokenizer.ggml.model", ValueType.STRING)
        .string("gpt2")
        .key("tokenizer.ggml.tokens", ValueType.ARRAY)
        .array(ValueType.STRING, 5)
        .string("a")
        .string("é")
        .string("")
        .string("😀")
        .string("<|end|>")
        .key("tokenizer.ggml.token_type", ValueType.ARRAY)
        .array(ValueType.INT32, 5)
        .i32(1)
        .i32(1)
        .i32(1)
        .i32(1)
        .i32(3)
        .key("nested", ValueType.ARRAY)
        .array(ValueType.ARRAY, 2)
        .array(ValueType.ARRAY, 1)
        .array(ValueType.UINT8, 3)
        .i8(1)
        .i8(2)
        .i8(3)
        .array(ValueType.BOOL, 2)
        .i8(0)
        .i8(1)
        .key("tokenizer.ggml.eos_token_id", ValueType.UINT32)
        .i32(4);
  }

  private static RawGguf network() {
    return RawGguf.header(3, 4, 3)
        .key("llama.block_count", ValueType.UINT32)
        .i32(1)
        .key("general.alignment", ValueType.UINT32)
        .i32(32)
        .key("llama.rope.freq_base", ValueType.FLOAT32)
        .i32(Float.floatToIntBits(10_000))
        .tensor("token_embd.weight", 2, 0, 32, 4)
        .tensor("blk.0.attn_q.weight", 8, 96, 32, 2)
        .tensor("blk.0.attn_norm.weight", 0, 192, 32)
        .tensor("rope_freqs.weight", 0, 320, 2, 2, 1, 1)
        .align()
        .raw(new byte[336]);
  }

  private static RawGguf version2() {
    return RawGguf.header(2, 1, 2)
        .key("i64", ValueType.INT64)
        .i64(-5)
        .key("f64", ValueType.ARRAY)
        .array(ValueType.FLOAT64, 2)
        .i64(0)
        .i64(Double.doubleToLongBits(0.1))
        .tensor("w", 1, 0, 3)
        .align()
        .raw(new byte[6]);
  }
}
