package dev.millrace.distribution;

import com.google.gson.Gson;
import com.google.gson.GsonBuilder;
import com.google.gson.JsonArray;
import com.google.gson.JsonObject;
import dev.millrace.measure.KernelProfile;
import dev.millrace.measure.Peaks;
import dev.millrace.measure.StepBench.Phase;
import dev.millrace.measure.StepBench.Result;
import dev.millrace.network.NetworkMemory;
import java.io.PrintWriter;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Optional;

/** What {@code bench-step} found, as tables and as JSON. */
final class BenchStepReport {
  private static final Gson LINE = new GsonBuilder().disableHtmlEscaping().create();
  private static final Gson PRETTY = LINE.newBuilder().setPrettyPrinting().create();

  private final Setup setup;
  private final List<Measured> measured = new ArrayList<>();

  /**
   * @param cpu as it names itself
   * @param isa that kernels were emitted for
   * @param activations what quantized weights meet: int8, ...
   * @param peaks of the machine; empty where they can't be measured
   * @param quantized whether products are of integers
   */
  record Setup(
      String cpu,
      String isa,
      String kernels,
      String activations,
      String model,
      int threads,
      Optional<Peaks> peaks,
      boolean quantized,
      NetworkMemory memory,
      long kvBytes) {}

  private record Measured(Result result, Optional<List<KernelProfile.Row>> profile) {}

  BenchStepReport(Setup setup) {
    this.setup = setup;
  }

  void add(Result result, Optional<List<KernelProfile.Row>> profile) {
    measured.add(new Measured(result, profile));
  }

  void print(PrintWriter out) {
    out.println(
        "%s, %s\n%s kernels (%s), activations %s, %d threads"
            .formatted(
                setup.model,
                setup.cpu,
                setup.kernels,
                setup.isa,
                setup.activations,
                setup.threads));
    setup.peaks.ifPresent(
        peaks ->
            out.println(
                "this machine at most (%s): %s GMAC/s in float32, %s in int8, %s GB/s read"
                    .formatted(
                        peaks.isa(), giga(peaks.fma()), giga(peaks.dot()), giga(peaks.memory()))));
    out.println();
    Table table =
        new Table(
            "PHASE",
            "BATCH",
            "PROMPT",
            "CONTEXT",
            "TOKENS/S",
            "FROM",
            "TO",
            "GMAC/S",
            "OF PEAK",
            "GB/S",
            "OF PEAK");
    for (Measured each : measured) {
      Result r = each.result;
      table.add(
          name(r.phase()),
          r.batch(),
          r.promptTokens(),
          r.contextTokens(),
          number(r.tokensPerSecond()),
          number(r.slowest()),
          number(r.fastest()),
          giga(r.macsPerSecond()),
          percent(computeShare(r)),
          giga(r.bytesPerSecond()),
          percent(memoryShare(r)));
    }
    table.print(out);
    if (measured.stream().anyMatch(each -> each.profile.isPresent())) {
      measured.forEach(each -> each.profile.ifPresent(rows -> print(each.result, rows, out)));
      out.println(
          "%nmemory: weights %d MiB, keys and values %d MiB, workspace %d MiB"
              .formatted(
                  setup.memory.weights() >> 20,
                  setup.kvBytes >> 20,
                  setup.memory.workspace() >> 20));
    }
    out.flush();
  }

  /** Times are a thread's share, so that they add up to the step's. */
  private void print(Result result, List<KernelProfile.Row> rows, PrintWriter out) {
    out.println(
        "%n%s, batch %d: %s ms on average, of which%n"
            .formatted(name(result.phase()), result.batch(), number(result.meanSeconds() * 1e3)));
    Table table = new Table("KERNEL", "LAYER", "CALLS", "MS", "SHARE", "MB", "GB/S");
    double left = result.meanSeconds();
    for (KernelProfile.Row row : rows) {
      double seconds = seconds(row, result);
      left -= seconds;
      double bytes = (double) row.bytes() / result.runs();
      table.add(
          row.kernel(),
          row.layer().isEmpty() ? "-" : row.layer(),
          row.calls() / result.runs(),
          "%.3f".formatted(seconds * 1e3),
          percent(Optional.of(seconds / result.meanSeconds())),
          row.bytes() == 0 ? "-" : "%.2f".formatted(bytes / 1e6),
          row.bytes() == 0 ? "-" : giga(bytes / seconds));
    }
    table.add(
        "waiting, and all else",
        "-",
        "-",
        "%.3f".formatted(left * 1e3),
        percent(Optional.of(left / result.meanSeconds())),
        "-",
        "-");
    table.print(out);
  }

  private double seconds(KernelProfile.Row row, Result result) {
    return row.nanos() / 1e9 / result.runs() / setup.threads;
  }

  String json() {
    return PRETTY.toJson(object());
  }

  String jsonLine() {
    return LINE.toJson(object());
  }

  private JsonObject object() {
    JsonObject json = new JsonObject();
    json.addProperty("cpu", setup.cpu);
    json.addProperty("isa", setup.isa);
    json.addProperty("kernels", setup.kernels);
    json.addProperty("activations", setup.activations);
    json.addProperty("model", setup.model);
    setup.peaks.ifPresent(
        peaks -> {
          JsonObject object = new JsonObject();
          object.addProperty("isa", peaks.isa());
          object.addProperty("float32_macs_per_second", peaks.fma());
          object.addProperty("int8_macs_per_second", peaks.dot());
          object.addProperty("bytes_per_second", peaks.memory());
          json.add("peaks", object);
        });
    JsonObject memory = new JsonObject();
    memory.addProperty("weight_bytes", setup.memory.weights());
    memory.addProperty("kv_bytes", setup.kvBytes);
    memory.addProperty("workspace_bytes", setup.memory.workspace());
    json.add("memory", memory);
    JsonArray results = new JsonArray();
    measured.forEach(each -> results.add(json(each)));
    json.add("results", results);
    return json;
  }

  private JsonObject json(Measured each) {
    Result result = each.result;
    JsonObject json = new JsonObject();
    json.addProperty("phase", name(result.phase()));
    json.addProperty("batch", result.batch());
    json.addProperty("prompt_tokens", result.promptTokens());
    json.addProperty("context_tokens", result.contextTokens());
    json.addProperty("threads", setup.threads);
    json.addProperty("tokens_per_second", result.tokensPerSecond());
    json.addProperty("slowest_tokens_per_second", result.slowest());
    json.addProperty("fastest_tokens_per_second", result.fastest());
    json.addProperty("macs_per_second", result.macsPerSecond());
    json.addProperty("bytes_per_second", result.bytesPerSecond());
    computeShare(result).ifPresent(share -> json.addProperty("of_compute_peak", share));
    memoryShare(result).ifPresent(share -> json.addProperty("of_memory_peak", share));
    each.profile.ifPresent(
        rows -> {
          JsonArray array = new JsonArray();
          rows.forEach(row -> array.add(json(row, result)));
          json.add("profile", array);
        });
    return json;
  }

  private JsonObject json(KernelProfile.Row row, Result result) {
    JsonObject json = new JsonObject();
    json.addProperty("kernel", row.kernel());
    json.addProperty("layer", row.layer());
    json.addProperty("calls", row.calls() / result.runs());
    json.addProperty("seconds", seconds(row, result));
    json.addProperty("bytes", row.bytes() / result.runs());
    return json;
  }

  private static String name(Phase phase) {
    return phase.name().toLowerCase(Locale.ROOT);
  }

  private Optional<Double> computeShare(Result result) {
    return setup.peaks.map(
        peaks -> result.macsPerSecond() / (setup.quantized ? peaks.dot() : peaks.fma()));
  }

  private Optional<Double> memoryShare(Result result) {
    return setup.peaks.map(peaks -> result.bytesPerSecond() / peaks.memory());
  }

  private static String giga(double value) {
    return number(value / 1e9);
  }

  private static String number(double value) {
    return String.format(Locale.ROOT, value < 100 ? "%.1f" : "%.0f", value);
  }

  private static String percent(Optional<Double> share) {
    return share.map(value -> String.format(Locale.ROOT, "%.0f%%", value * 100)).orElse("-");
  }
}
