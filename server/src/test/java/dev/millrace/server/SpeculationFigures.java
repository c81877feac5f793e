package dev.millrace.server;

import dev.millrace.v1.ChatMessage;
import dev.millrace.v1.EngineStats;
import dev.millrace.v1.GenerateRequest;
import dev.millrace.v1.GenerateResponse;
import io.grpc.ManagedChannel;
import java.util.ArrayList;
import java.util.Iterator;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.stream.IntStream;

/**
 * What speculation wins where an answer repeats its prompt, and loses where it doesn't. {@link
 * #main} takes the path of a model; two servers, one of which speculates, take turns at the same
 * requests. Run it with the tests' class path, alone on the machine.
 */
final class SpeculationFigures {
  private static final int ROUNDS = 5; // the best one counts
  private static final int TOKENS = 96;

  private static final String COPY =
      """
      Repeat this program word for word:

      public final class Counter {
        private final Map<String, Integer> counts = new TreeMap<>();

        public void add(String word) {
          counts.merge(word, 1, Integer::sum);
        }

        public int count(String word) {
          return counts.getOrDefault(word, 0);
        }

        public Set<String> words() {
          return Collections.unmodifiableSet(counts.keySet());
        }
      }
      """;

  private static final String STORY =
      "Write a long story about a keeper of a lighthouse who finds a letter in a bottle.";

  private SpeculationFigures() {}

  private static GenerateRequest request(String text, float temperature, long seed) {
    GenerateRequest.Builder request = GenerateRequest.newBuilder();
    request.getChatBuilder().addMessages(ChatMessage.newBuilder().setRole("user").setContent(text));
    request.getSamplingBuilder().setTemperature(temperature).setSeed(seed);
    request.getStopBuilder().setMaxTokens(TOKENS).setIgnoreEos(true);
    return request.build();
  }

  /** Seconds from the first text to the last, of streams that run at once. */
  private static double seconds(ManagedChannel channel, List<GenerateRequest> requests)
      throws Exception {
    try (ExecutorService callers = Executors.newVirtualThreadPerTaskExecutor()) {
      List<Future<Double>> running = new ArrayList<>();
      for (GenerateRequest request : requests) {
        running.add(callers.submit(() -> seconds(channel, request)));
      }
      double longest = 0;
      for (Future<Double> each : running) {
        longest = Math.max(longest, each.get());
      }
      return longest;
    }
  }

  private static double seconds(ManagedChannel channel, GenerateRequest request) {
    Iterator<GenerateResponse> events = MillraceServerTest.stub(channel).generate(request);
    long begun = 0;
    while (events.hasNext()) {
      begun = events.next().hasDelta() && begun == 0 ? System.nanoTime() : begun;
    }
    return (System.nanoTime() - begun) / 1e9;
  }

  private static void compare(
      String what, ManagedChannel plain, ManagedChannel speculating, List<GenerateRequest> requests)
      throws Exception {
    EngineStats before = MillraceServerTest.stats(speculating, "");
    double without = Double.POSITIVE_INFINITY;
    double with = Double.POSITIVE_INFINITY;
    for (int round = 0; round < ROUNDS; round++) {
      without = Math.min(without, seconds(plain, requests));
      with = Math.min(with, seconds(speculating, requests));
    }
    EngineStats after = MillraceServerTest.stats(speculating, "");
    long drafted = after.getDraftedTokens() - before.getDraftedTokens();
    long accepted = after.getAcceptedDraftTokens() - before.getAcceptedDraftTokens();
    int tokens = requests.size() * (TOKENS - 1);
    System.out.printf(
        "%s: %.0f tokens/s without, %.0f with, %.2f times; %d drafted, %.0f %% right, %.2f tokens a"
            + " step of a stream%n",
        what,
        tokens / without,
        tokens / with,
        without / with,
        drafted,
        100.0 * accepted / Math.max(1, drafted),
        1 / (1 - accepted / ((double) ROUNDS * requests.size() * TOKENS)));
  }

  private static List<GenerateRequest> streams(int count, String text, float temperature) {
    return IntStream.range(0, count).mapToObj(i -> request(text, temperature, i)).toList();
  }

  public static void main(String[] arguments) throws Exception {
    List<String> model = List.of(arguments[0]);
    Map<String, List<String>> memory = Map.of("--model", model, "--kv-cache-mib", List.of("256"));
    Map<String, List<String>> speculate =
        Map.of("--model", model, "--kv-cache-mib", List.of("256"), "--speculate", List.of("16"));
    try (MillraceServer plain = Servers.start(memory);
        MillraceServer speculating = Servers.start(speculate)) {
      ManagedChannel one = Servers.channel(plain);
      ManagedChannel other = Servers.channel(speculating);
      for (int count : new int[] {1, 8}) {
        compare(count + " copying, greedy", one, other, streams(count, COPY, 0));
        compare(count + " telling a story, drawn", one, other, streams(count, STORY, 1));
      }
      one.shutdownNow();
      other.shutdownNow();
    }
  }
}
