package dev.millrace.bench;

import com.google.gson.Gson;
import com.google.gson.GsonBuilder;
import com.google.gson.JsonObject;
import dev.millrace.client.Target;
import java.util.Locale;
import java.util.Map;
import java.util.TreeMap;
import java.util.stream.Collectors;
import org.HdrHistogram.Histogram;

/**
 * What a run measured.
 *
 * @param model as the server names it
 * @param good requests that finished and kept what was asked of them
 * @param tokens generated in measured requests, whatever became of those
 * @param errors by status code
 */
public record BenchReport(
    BenchSettings settings,
    String model,
    double seconds,
    boolean interrupted,
    long finished,
    long good,
    long tokens,
    Latency timeToFirstToken,
    Latency timeBetweenTokens,
    Latency requestTime,
    Map<String, Measurements.Errors> errors) {

  private static final Gson GSON =
      new GsonBuilder().setPrettyPrinting().disableHtmlEscaping().create();

  /** Percentiles in milliseconds; all 0 when nothing was measured. */
  public record Latency(long count, double p50, double p90, double p99, double max) {
    static Latency of(Histogram micros) {
      return new Latency(
          micros.getTotalCount(),
          micros.getValueAtPercentile(50) / 1e3,
          micros.getValueAtPercentile(90) / 1e3,
          micros.getValueAtPercentile(99) / 1e3,
          micros.getMaxValue() / 1e3);
    }

    private String row(String name) {
      return count == 0
          ? "%-26s %10s %10s %10s %10s%n".formatted(name, "-", "-", "-", "-")
          : String.format(
              Locale.ROOT, "%-26s %10.2f %10.2f %10.2f %10.2f%n", name, p50, p90, p99, max);
    }

    private JsonObject json() {
      JsonObject json = new JsonObject();
      json.addProperty("count", count);
      json.addProperty("p50", p50);
      json.addProperty("p90", p90);
      json.addProperty("p99", p99);
      json.addProperty("max", max);
      return json;
    }
  }

  public double tokensPerSecond() {
    return seconds > 0 ? tokens / seconds : 0;
  }

  public double requestsPerSecond() {
    return seconds > 0 ? finished / seconds : 0;
  }

  public double goodRequestsPerSecond() {
    return seconds > 0 ? good / seconds : 0;
  }

  private String load() {
    String each =
        "%d requests of %d prompt tokens and %d new ones each"
            .formatted(settings.requests(), settings.promptTokens(), settings.maxTokens());
    return switch (settings.load()) {
      case Load.Closed closed -> closed.streams() + " streams, " + each;
      case Load.Poisson poisson -> poisson.perSecond() + " requests/s at random, " + each;
      case Load.Replay replay ->
          "%s, %s times as fast, lengths times %s"
              .formatted(replay.file().getFileName(), replay.speed(), replay.lengths());
    };
  }

  public long failed() {
    return errors.values().stream().mapToLong(Measurements.Errors::count).sum();
  }

  private String targets() {
    return settings.targets().stream().map(Target::toString).collect(Collectors.joining(","));
  }

  /** For people. */
  public String table() {
    StringBuilder table = new StringBuilder();
    table.append(
        String.format(
            Locale.ROOT,
            "%s at %s: %s%s%n%n",
            model,
            targets(),
            load(),
            interrupted ? "; interrupted" : ""));
    table.append("%-26s %10s %10s %10s %10s%n".formatted("ms", "p50", "p90", "p99", "max"));
    table.append(timeToFirstToken.row("time to first token"));
    table.append(timeBetweenTokens.row("time between tokens"));
    table.append(requestTime.row("time of a whole request"));
    table.append(
        String.format(
            Locale.ROOT,
            "%n%d requests finished and %d failed in %.2f s: %d tokens, %.1f tokens/s, %.2f"
                + " requests/s%n",
            finished,
            failed(),
            seconds,
            tokens,
            tokensPerSecond(),
            requestsPerSecond()));
    new TreeMap<>(errors)
        .forEach(
            (code, error) ->
                table.append(
                    "%-20s %6d  %s%n".formatted(code, error.count(), error.firstMessage())));
    if (!settings.goodput().limits().isEmpty()) {
      table.append(
          String.format(
              Locale.ROOT,
              "goodput: %d requests within %s, %.2f requests/s%n",
              good,
              new TreeMap<>(settings.goodput().limits()),
              goodRequestsPerSecond()));
    }
    return table.toString();
  }

  /** For programs: times in milliseconds unless named otherwise. */
  public String json() {
    JsonObject json = new JsonObject();
    json.addProperty("target", targets());
    json.addProperty("model", model);
    switch (settings.load()) {
      case Load.Closed closed -> json.addProperty("streams", closed.streams());
      case Load.Poisson poisson -> json.addProperty("rate", poisson.perSecond());
      case Load.Replay replay -> {
        json.addProperty("trace", replay.file().getFileName().toString());
        json.addProperty("speed", replay.speed());
        json.addProperty("lengths", replay.lengths());
      }
    }
    json.addProperty("requests", settings.requests());
    json.addProperty("warmup", settings.warmup());
    json.addProperty("prompt_tokens", settings.promptTokens());
    json.addProperty("max_tokens", settings.maxTokens());
    json.addProperty("seed", settings.seed());
    json.addProperty("interrupted", interrupted);
    json.addProperty("seconds", seconds);
    json.addProperty("requests_finished", finished);
    json.addProperty("requests_failed", failed());
    json.addProperty("requests_per_second", requestsPerSecond());
    settings
        .goodput()
        .limits()
        .forEach(
            (metric, millis) ->
                json.addProperty(
                    "goodput_" + metric.name().toLowerCase(Locale.ROOT) + "_ms", millis));
    json.addProperty("requests_good", good);
    json.addProperty("goodput_requests_per_second", goodRequestsPerSecond());
    json.addProperty("tokens", tokens);
    json.addProperty("tokens_per_second", tokensPerSecond());
    json.add("time_to_first_token_ms", timeToFirstToken.json());
    json.add("time_between_tokens_ms", timeBetweenTokens.json());
    json.add("request_time_ms", requestTime.json());
    JsonObject byCode = new JsonObject();
    new TreeMap<>(errors)
        .forEach(
            (code, error) -> {
              JsonObject one = new JsonObject();
              one.addProperty("count", error.count());
              one.addProperty("first_message", error.firstMessage());
              byCode.add(code, one);
            });
    json.add("errors", byCode);
    return GSON.toJson(json) + "\n";
  }
}
