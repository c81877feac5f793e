package dev.millrace.server;

import com.google.protobuf.util.Durations;
import dev.millrace.v1.GenerateOnceRequest;
import dev.millrace.v1.GenerateOnceResponse;
import dev.millrace.v1.GenerateRequest;
import dev.millrace.v1.ResponseFormat;
import io.grpc.ManagedChannel;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.function.IntFunction;

/**
 * What formats add to a decoding step, by a real model through a whole server: {@code
 * FormatBenchmark MODEL}. Outputs with and without a format take turns; none ends early. "First"
 * are formats that the server sees for the first time, "again" one that it knows. Medians of what
 * each round has more than its output without.
 */
public final class FormatBenchmark {
  private static final int TOKENS = 100;
  private static final int ROUNDS = 15;

  private static final String PERSON =
      """
      {"type": "array", "minItems": 90, "items": {"type": "object", "properties": {"name":
       {"type": "string"}, "age": {"type": "integer", "minimum": 0, "maximum": 150}, "email":
       {"type": "string", "format": "email"}, "tags": {"type": "array", "items": {"type":
       "string"}}}, "required": ["name", "age"]%s}, "title": "%d"}
      """;

  private record Case(String name, IntFunction<ResponseFormat> format) {}

  private static final List<Case> CASES =
      List.of(
          new Case("schema, open", i -> schema(PERSON.formatted("", i))),
          new Case(
              "schema, closed",
              i -> schema(PERSON.formatted(", \"additionalProperties\": false", i))),
          new Case(
              "any object",
              i ->
                  schema(
                      "{\"type\": \"object\", \"minProperties\": 90, \"title\": \"%d\"}"
                          .formatted(i))),
          new Case("JSON in GBNF", i -> ResponseFormat.newBuilder().setGrammar(grammar(i)).build()),
          new Case(
              "regex",
              i ->
                  ResponseFormat.newBuilder()
                      .setRegex("([A-Z][a-z]+( [a-z]+){2,9}[.,] )+~%d".formatted(i))
                      .build()));

  private FormatBenchmark() {}

  private static String grammar(int i) {
    return """
    root ::= "[" (value ", "){90,}
    value ::= object | array | string | number | "true"
    object ::= "{" (string ": " value (", " string ": " value)*)? "}"
    array ::= "[" (value (", " value)*)? "]"
    string ::= "\\"" [^"\\\\\\x00-\\x1f]* "\\""
    number ::= "-"? ("0" | [1-9] [0-9]*) ("." [0-9]+)? # %d
    """
        .formatted(i);
  }

  private static ResponseFormat schema(String text) {
    return ResponseFormat.newBuilder().setJsonSchema(text).build();
  }

  /** A model, as --model takes it; and how the names of the formats to measure begin. */
  public static void main(String[] arguments) throws Exception {
    Map<String, List<String>> flags = Map.of("--model", List.of(arguments[0]));
    try (MillraceServer server = Servers.start(flags)) {
      ManagedChannel channel = Servers.channel(server);
      for (int round = 0; round < 30; round++) { // warms up, the JVM too
        micros(channel, CASES.get(round % CASES.size()).format.apply(round), 4, round);
        micros(channel, ResponseFormat.getDefaultInstance(), 4, round);
      }
      System.out.println("format           batch  step us without   first %   again %");
      String wanted = arguments.length > 1 ? arguments[1] : "";
      for (Case each : CASES.stream().filter(c -> c.name.startsWith(wanted)).toList()) {
        for (int batch : new int[] {1, 8}) {
          measure(channel, each, batch);
        }
      }
      channel.shutdownNow();
    }
  }

  private static void measure(ManagedChannel channel, Case each, int batch) {
    double[] without = new double[ROUNDS];
    double[] first = new double[ROUNDS];
    double[] again = new double[ROUNDS];
    for (int round = 0; round < ROUNDS; round++) {
      without[round] = micros(channel, ResponseFormat.getDefaultInstance(), batch, round);
      ResponseFormat format = each.format.apply(100 * batch + round);
      first[round] = 100 * (micros(channel, format, batch, round) / without[round] - 1);
      again[round] = 100 * (micros(channel, format, batch, round + 100) / without[round] - 1);
    }
    System.out.printf(
        Locale.ROOT,
        "%-15s %6d %16.0f %9.1f %9.1f%n",
        each.name,
        batch,
        median(without),
        median(first),
        median(again));
  }

  /** A decoding step of so many candidates. */
  private static double micros(
      ManagedChannel channel, ResponseFormat format, int batch, long seed) {
    GenerateRequest.Builder request =
        MillraceServerTest.request("Some people, as JSON:\n", TOKENS).toBuilder()
            .setCandidateCount(batch);
    request.getSamplingBuilder().setTemperature(0.8f).setTopP(0.95f).setSeed(seed);
    if (format.getFormatCase() != ResponseFormat.FormatCase.FORMAT_NOT_SET) {
      request.setResponseFormat(format);
    }
    GenerateOnceResponse answer =
        MillraceServerTest.stub(channel)
            .generateOnce(GenerateOnceRequest.newBuilder().setRequest(request).build());
    if (answer.getSummary().getUsage().getCompletionTokens() != batch * TOKENS) {
      throw new IllegalStateException("an output ended early: " + answer);
    }
    return Durations.toNanos(answer.getSummary().getTimings().getDecode()) / 1e3 / (TOKENS - 1);
  }

  private static double median(double[] values) {
    double[] sorted = values.clone();
    Arrays.sort(sorted);
    return sorted[sorted.length / 2];
  }
}
