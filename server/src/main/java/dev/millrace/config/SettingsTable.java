package dev.millrace.config;

import dev.millrace.kernel.ActivationPrecision;
import dev.millrace.kernel.tier.Tiers;
import dev.millrace.kv.KvType;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Optional;

/**
 * Every setting of the server, once. Commands make their flags and their help from {@link #ALL};
 * {@link ServerSettings#read} makes values of what was given.
 */
public final class SettingsTable {
  public static final Setting<List<String>> MODEL =
      new Setting<>(
          "--model",
          "MILLRACE_MODEL",
          "M",
          "",
          "",
          "Model to serve: a name from the catalogue, a path to a .gguf, hf:owner/repo/file.gguf,"
              + " or synthetic:SHAPE[:TYPE]. Given several times, the first one is the default"
              + " model, and each has an engine of its own. Without it, the catalogue's default"
              + " model.",
          true,
          Readers.texts());

  public static final Setting<Path> MODEL_CACHE =
      one(
          "--model-cache",
          "MILLRACE_MODELS",
          "DIR",
          modelCache(System.getenv().getOrDefault("XDG_CACHE_HOME", "")),
          "Folder that holds downloaded models.",
          Readers.path());

  /** Loopback: being reachable is a decision, and so is for whom. */
  public static final Setting<String> HOST =
      one(
          "--host",
          "MILLRACE_HOST",
          "H",
          "127.0.0.1",
          "Address to listen on; 0.0.0.0 is all of the machine's.",
          Readers.text());

  public static final Setting<Integer> PORT =
      one(
          "--port",
          "MILLRACE_PORT",
          "P",
          "9090",
          "Port to listen on; 0 is any free one.",
          Readers.integer(0, 65_535));

  public static final Setting<Optional<Path>> API_KEYS =
      one(
          "--api-keys",
          "MILLRACE_API_KEYS",
          "FILE",
          "",
          "File with a NAME KEY a line: calls must show one of the keys (authorization: Bearer"
              + " KEY), and each name gets an equal share. Without it, or with an empty name,"
              + " anybody may call.",
          Readers.optionalPath());

  public static final Setting<Integer> KV_CACHE_MIB =
      one(
          "--kv-cache-mib",
          "MILLRACE_KV_CACHE_MIB",
          "N",
          "1024",
          "Memory for keys and values, in MiB, allocated at the start; several models share it"
              + " evenly.",
          Readers.integer(1, 1 << 24));

  public static final Setting<KvType> KV_TYPE =
      one(
          "--kv-type",
          "MILLRACE_KV_TYPE",
          "TYPE",
          "f16",
          "Numbers that keys and values are kept in: f16, or f32, which takes twice the memory and"
              + " is read half as fast. Answers differ in their last digits.",
          Readers.oneOf(KvType.names(), KvType::named));

  public static final Setting<Integer> THREADS =
      one(
          "--threads",
          "MILLRACE_THREADS",
          "N",
          Integer.toString(Runtime.getRuntime().availableProcessors()),
          "Threads that compute a step; each model has as many of its own.",
          Readers.integer(1, 1_024));

  public static final Setting<String> KERNELS =
      one(
          "--kernels",
          "MILLRACE_KERNELS",
          "TIER",
          Tiers.AUTO,
          "Kernels to compute with: the fastest that run here, or one of their tiers ("
              + String.join(", ", Tiers.names())
              + "). All give the same bits.",
          Readers.oneOf(Tiers.names()));

  public static final Setting<String> ISA =
      one(
          "--isa",
          "MILLRACE_ISA",
          "ISA",
          Tiers.AUTO,
          "Instruction set of the emitted kernels: the best that runs here, or one of them ("
              + String.join(", ", Tiers.instructionSets())
              + ").",
          Readers.oneOf(Tiers.instructionSets()));

  public static final Setting<ActivationPrecision> ACTIVATIONS =
      one(
          "--activations",
          "MILLRACE_ACTIVATIONS",
          "TYPE",
          ActivationPrecision.INT8.toString(),
          "What activations are rounded to before they meet quantized weights: int8 is faster in"
              + " prefill and wide batches, int16's answers are as good as float32's.",
          Readers.oneOf(ActivationPrecision.names(), ActivationPrecision::named));

  public static final Setting<Integer> MAX_BATCH_TOKENS =
      one(
          "--max-batch-tokens",
          "MILLRACE_MAX_BATCH_TOKENS",
          "N",
          "512",
          "Tokens that one step computes at most, decode rows and prefill chunks together.",
          Readers.integer(1, 65_536));

  public static final Setting<Integer> MAX_WAITING =
      one(
          "--max-waiting",
          "MILLRACE_MAX_WAITING",
          "N",
          "256",
          "Requests that may wait for being started; one more is refused with RESOURCE_EXHAUSTED.",
          Readers.integer(1, 1_000_000));

  public static final Setting<Integer> MAX_WAITING_TOKENS =
      one(
          "--max-waiting-tokens",
          "MILLRACE_MAX_WAITING_TOKENS",
          "N",
          "1048576",
          "Prompt tokens of all requests that wait, in sum; a request that would make it more is"
              + " refused with RESOURCE_EXHAUSTED.",
          Readers.integer(1, Integer.MAX_VALUE));

  public static final Setting<Duration> STEP_TARGET =
      one(
          "--step-target",
          "MILLRACE_STEP_TARGET",
          "TIME",
          "0ms",
          "How long a step may take while streams are decoded; prompts get what is left of it. 0ms"
              + " is a bit more than twice what the streams' tokens take alone; 20ms at least where"
              + " several prompts want to be read.",
          Readers.duration(Duration.ZERO, Duration.ofMinutes(1)));

  public static final Setting<Duration> STALL_TIMEOUT =
      one(
          "--stall-timeout",
          "MILLRACE_STALL_TIMEOUT",
          "TIME",
          "10s",
          "A stream whose reader doesn't read for so long gives its memory for keys and values up,"
              + " at once if others wait for it; it goes on when the reader comes back.",
          Readers.duration(Duration.ofMillis(1), Duration.ofHours(1)));

  public static final Setting<Duration> PRIORITY_AGEING =
      one(
          "--priority-ageing",
          "MILLRACE_PRIORITY_AGEING",
          "TIME",
          "5s",
          "A request that has been here for so long goes as if its priority were one higher.",
          Readers.duration(Duration.ofMillis(1), Duration.ofHours(1)));

  public static final Setting<Integer> MAX_RUNNING =
      one(
          "--max-running",
          "MILLRACE_MAX_RUNNING",
          "N",
          "64",
          "Requests that run at the same time at most; unless given, never more than"
              + " --max-batch-tokens.",
          Readers.integer(1, 4_096));

  public static final Setting<Integer> SPECULATE =
      new Setting<>(
          "--speculate",
          "MILLRACE_SPECULATE",
          "N",
          "0",
          "16",
          "Speculative decoding: tokens of a stream that are guessed from what it said before, at"
              + " most, to be verified in one step; 16 if no number is given. Fewer are, or none,"
              + " where it doesn't pay. Answers are the same. 0 is off.",
          false,
          Readers.integer(0, 64));

  public static final Setting<Duration> WARM_UP =
      one(
          "--warm-up",
          "MILLRACE_WARM_UP",
          "TIME",
          "5s",
          "How long a model may compute for itself, at most, before it is served: as long as the"
              + " JVM still compiles what steps need, which would hold up the first requests.",
          Readers.duration(Duration.ZERO, Duration.ofHours(1)));

  public static final Setting<Duration> DRAIN_GRACE =
      one(
          "--drain-grace",
          "MILLRACE_DRAIN_GRACE",
          "TIME",
          "30s",
          "How long running streams may go on after SIGTERM before they end with UNAVAILABLE.",
          Readers.duration(Duration.ZERO, Duration.ofHours(1)));

  public static final Setting<Duration> STEP_TIMEOUT =
      one(
          "--step-timeout",
          "MILLRACE_STEP_TIMEOUT",
          "TIME",
          "60s",
          "A step that takes longer is taken for hung: streams fail, health says NOT_SERVING.",
          Readers.duration(Duration.ofMillis(100), Duration.ofHours(1)));

  /** In the order of help texts. */
  public static final List<Setting<?>> ALL =
      List.of(
          MODEL,
          MODEL_CACHE,
          HOST,
          PORT,
          API_KEYS,
          KV_CACHE_MIB,
          KV_TYPE,
          THREADS,
          KERNELS,
          ISA,
          ACTIVATIONS,
          MAX_BATCH_TOKENS,
          MAX_WAITING,
          MAX_WAITING_TOKENS,
          MAX_RUNNING,
          STEP_TARGET,
          STALL_TIMEOUT,
          PRIORITY_AGEING,
          SPECULATE,
          WARM_UP,
          DRAIN_GRACE,
          STEP_TIMEOUT);

  private SettingsTable() {}

  /**
   * In the user's cache folder, which counts if it's absolute (XDG Base Directory Specification).
   */
  static String modelCache(String userCache) {
    return (Path.of(userCache).isAbsolute() ? userCache : "~/.cache") + "/millrace";
  }

  private static <T> Setting<T> one(
      String flag,
      String environment,
      String placeholder,
      String fallback,
      String meaning,
      Setting.Reader<T> reader) {
    return new Setting<>(flag, environment, placeholder, fallback, "", meaning, false, reader);
  }
}
