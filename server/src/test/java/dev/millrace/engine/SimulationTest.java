package dev.millrace.engine;

import static org.assertj.core.api.Assertions.assertThat;

import dev.millrace.engine.GenerationEvent.FinishReason;
import dev.millrace.engine.GenerationEvent.Usage;
import dev.millrace.request.GenerationRequest;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Random;
import java.util.Set;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;

/**
 * Thousands of small worlds from seeds: random limits, arrivals, lengths, stops, slow readers,
 * cancellations, deadlines. In each, the engine's real machine turns under a virtual clock, and
 * what must always hold is checked at every step.
 */
class SimulationTest {
  private static final int SCENARIOS = 4_000;

  @Test
  void everyRequestEndsOnceWithTheTextOfItsSoloRunAndNothingLeaks() {
    for (long seed = 0; seed < SCENARIOS; seed++) {
      try {
        new Scenario(seed).run();
      } catch (Throwable e) {
        throw new AssertionError("scenario with seed " + seed, e);
      }
    }
  }

  private static final class Client {
    GenerationRequest request;
    RecordingOutlet outlet;
    long arrival;
    long cancelAt;
    double readsPerTurn;
    long id = -1;
    boolean cancelled;
  }

  private static final class Scenario {
    private static final int TURNS = 20_000;
    private static final List<String> STOPS =
        List.of("ab", "abc", "b", "aab", "ca", "é", "😀a", "bb\n", "aaaa", "cabab", "\uFFFD");
    private static final FakeTokenizer TOKENIZER = new FakeTokenizer();

    private final Random random;
    private final VirtualClock clock = new VirtualClock();
    private final EngineSettings settings;
    private final EngineLoop loop;
    private final List<Client> clients = new ArrayList<>();

    Scenario(long seed) {
      random = new Random(seed);
      int maxBatchTokens = between(1, 24);
      settings =
          new EngineSettings(
              between(2, 40),
              between(1, 8),
              maxBatchTokens,
              between(1, Math.min(8, maxBatchTokens)),
              between(1, 10),
              Duration.ofSeconds(1));
      HashModel model = new HashModel(settings, between(2, 64), TOKENIZER.vocabularySize());
      loop = new EngineLoop(settings, model.beforeStep(this::stepBegins), TOKENIZER, clock);
      int count = between(1, 12);
      for (int i = 0; i < count; i++) {
        clients.add(client());
      }
    }

    private int between(int least, int most) {
      return least + random.nextInt(most - least + 1);
    }

    private boolean once(int in) {
      return random.nextInt(in) == 0;
    }

    private long soon() {
      return Duration.ofMillis(between(0, 60)).toNanos();
    }

    private Client client() {
      Client client = new Client();
      Requests request =
          Requests.request()
              .prompt(random.ints(between(1, 24), 1, TOKENIZER.vocabularySize()).toArray())
              .seed(random.nextLong())
              .maxTokens(between(1, 30))
              .minTokens(once(3) ? between(0, 10) : 0)
              .stops(
                  Stream.generate(() -> STOPS.get(random.nextInt(STOPS.size())))
                      .limit(once(2) ? between(1, 3) : 0)
                      .distinct()
                      .toArray(String[]::new))
              .stopIds(once(4) ? new int[] {between(1, 23), between(1, 23)} : new int[0])
              .includeStop(once(3))
              .ignoreEos(once(3))
              .echo(once(5))
              .tokensPerEvent(once(2) ? 1 : between(1, 6));
      if (once(8)) {
        request.deadlineNanos(clock.nanoTime() + soon());
      }
      if (once(8)) {
        request.maxQueueTime(Duration.ofNanos(soon()));
      }
      if (once(8)) {
        request.timeLimit(Duration.ofNanos(soon()));
      }
      client.request = request.build();
      client.outlet = once(2) ? new RecordingOutlet() : new RecordingOutlet(between(1, 4));
      client.readsPerTurn = once(2) ? 1 : 0.02 + random.nextDouble() / 2;
      client.arrival = soon();
      client.cancelAt = once(4) ? client.arrival + soon() : Long.MAX_VALUE;
      return client;
    }

    void run() {
      int turns = 0;
      while (clients.stream().anyMatch(client -> !client.outlet.hasEnded())) {
        clients.forEach(this::act);
        if (!loop.turn()) {
          clock.advance(Duration.ofMillis(1));
        }
        loop.check();
        assertThat(turns++).as("turns until all end").isLessThan(TURNS);
      }
      loop.turn(); // applies what came after the last end
      loop.check();
      clients.forEach(this::checkEnd);
      checkCounters();
      checkQueueIsWholeAgain();
    }

    private void checkQueueIsWholeAgain() {
      for (int i = 0; i <= settings.maxWaiting(); i++) {
        RecordingOutlet outlet = new RecordingOutlet();
        loop.submit(Requests.request().prompt(2).build(), outlet);
        assertThat(outlet.hasEnded()).as("refused").isEqualTo(i == settings.maxWaiting());
      }
      loop.close();
    }

    private void act(Client client) {
      if (client.id < 0 && client.arrival <= clock.elapsed()) {
        client.id = loop.submit(client.request, client.outlet);
      }
      if (client.id >= 0 && !client.cancelled && client.cancelAt <= clock.elapsed()) {
        client.cancelled = true;
        loop.cancel(client.id);
        loop.cancel(client.id); // a second time changes nothing
      }
      boolean reads = random.nextDouble() < client.readsPerTurn;
      if (reads && client.outlet.read(between(1, 4)) || once(50)) {
        loop.demandChanged(client.id);
      }
    }

    private void stepBegins(StepPlan plan) {
      assertThat(plan.tokens()).isLessThanOrEqualTo(settings.maxBatchTokens());
      assertThat(plan.samples()).isLessThanOrEqualTo(settings.maxRunning());
      Set<Long> seen = new HashSet<>();
      boolean prefills = false;
      for (StepPlan.Entry entry : plan.entries()) {
        Sequence sequence = entry.sequence();
        Client client =
            clients.stream().filter(c -> c.id == sequence.id()).findFirst().orElseThrow();
        assertThat(seen.add(sequence.id())).as("once in a plan").isTrue();
        assertThat(client.cancelled).as("cancelled").isFalse();
        assertThat(client.request.deadlineNanos().orElse(Long.MAX_VALUE) - clock.nanoTime())
            .as("time left")
            .isPositive();
        assertThat(client.outlet.hasRoom()).as("has room").isTrue();
        assertThat(prefills && !sequence.isPrefilling()).as("decodes behind prefill").isFalse();
        prefills |= sequence.isPrefilling();
      }
      clock.advance(Duration.ofMillis(1));
    }

    private void checkEnd(Client client) {
      RecordingOutlet outlet = client.outlet;
      assertThat(outlet.ends()).as("ends").isEqualTo(1);
      if (client.request.prompt().length >= loop.maxSequenceTokens()) {
        assertThat(outlet.failure()).isPresent();
        return;
      }
      SoloRun solo = SoloRun.of(client.request, TOKENIZER, loop.maxSequenceTokens());
      if (outlet.failure().isPresent()
          || outlet.finished().orElseThrow().reason() == FinishReason.TIME_LIMIT) {
        int count = outlet.tokens().size();
        assertThat(outlet.tokens()).isEqualTo(solo.tokens().subList(0, count));
        if (outlet.failure().isPresent()) { // else an unfinished character ends as U+FFFD
          assertThat(solo.text()).startsWith(outlet.text());
        }
      } else {
        assertThat(outlet.tokens()).isEqualTo(solo.tokens());
        assertThat(outlet.text()).isEqualTo(solo.text());
        assertThat(outlet.finished().orElseThrow().reason()).isEqualTo(solo.reason());
        assertThat(outlet.finished().orElseThrow().stopText()).isEqualTo(solo.stopText());
        assertThat(outlet.finished().orElseThrow().completionTokens())
            .isEqualTo(solo.tokens().size());
      }
      List<Integer> sizes = outlet.deltas().map(delta -> delta.tokens().size()).toList();
      assertThat(sizes.stream().limit(Math.max(0, sizes.size() - 1)))
          .allMatch(size -> size == client.request.output().tokensPerEvent());
    }

    private void checkCounters() {
      EngineSnapshot end = loop.snapshot();
      assertThat(end.kvBlocksInUse()).isZero();
      assertThat(end.waitingSequences() + end.runningSequences()).isZero();
      assertThat(end.waitingPromptTokens()).isZero();
      assertThat(
              end.requestsFinished()
                  + end.requestsCancelled()
                  + end.requestsFailed()
                  + end.requestsRejected())
          .isEqualTo(clients.size());
      List<Usage> usages =
          clients.stream()
              .map(client -> client.outlet)
              .map(
                  outlet ->
                      outlet
                          .failure()
                          .map(GenerationException::usage)
                          .orElseGet(() -> outlet.summary().orElseThrow().usage()))
              .toList();
      assertThat(usages.stream().mapToLong(Usage::promptTokens).sum())
          .isEqualTo(end.promptTokens());
      assertThat(usages.stream().mapToLong(Usage::completionTokens).sum())
          .isEqualTo(end.completionTokens());
    }
  }
}
