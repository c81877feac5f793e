package dev.millrace.engine;

import dev.millrace.engine.EngineSettings.Policy;
import dev.millrace.engine.GenerationEvent.Delta;
import dev.millrace.engine.RecordedArrivals.Arrival;
import dev.millrace.kv.PrefixHash;
import dev.millrace.request.GenerationRequest.Priority;
import dev.millrace.request.GenerationRequest.SchedulingSettings;
import dev.millrace.sampling.SampledToken;
import java.io.IOException;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import java.util.Random;

/**
 * An hour of recorded arrivals, on the engine's real machine with a virtual clock and a model that
 * only takes time. {@link #main} takes traces and prints, for each policy, how long first tokens
 * took, what lay between tokens, and how many requests went well. The tests' class path has it.
 */
final class TraceReplay {
  // The model: one that an hour of these arrivals keeps busy.
  private static final long NANOS_PER_STEP = 2_000_000;
  private static final long NANOS_PER_ROW = 30_000;
  private static final double NANOS_PER_ATTENDED = 3;

  private static final SampledToken TOKEN = new SampledToken(2, Float.NaN, 0, List.of());

  // What is called going well.
  private static final double FIRST_TOKEN_SECONDS = 2;
  private static final double MEAN_GAP_MILLIS = 100;

  private TraceReplay() {}

  enum Way {
    AS_IT_IS,
    FIRST_COME_FIRST_SERVED,
    NO_PREFIX_CACHE,
    NO_STEP_TARGET
  }

  /** A reader that keeps up, and when its tokens came. */
  private static final class Reader implements Outlet {
    private final VirtualClock clock;
    private final long arrived;
    private final List<Integer> gaps; // microseconds; of all readers
    private long firstAt = -1;
    private long lastAt;
    private int tokens;
    private boolean failed;

    Reader(VirtualClock clock, List<Integer> gaps) {
      this.clock = clock;
      this.arrived = clock.elapsed();
      this.gaps = gaps;
    }

    @Override
    public int room() {
      return 8;
    }

    @Override
    public void emit(GenerationEvent event) {
      if (event instanceof Delta) {
        if (firstAt < 0) {
          firstAt = clock.elapsed();
        } else {
          gaps.add((int) ((clock.elapsed() - lastAt) / 1_000));
        }
        lastAt = clock.elapsed();
        tokens++;
      }
    }

    @Override
    public void complete() {}

    @Override
    public void fail(GenerationException failure) {
      failed = true;
    }

    double secondsToFirst() {
      return (firstAt - arrived) / 1e9;
    }

    boolean wentWell() {
      double meanGap = tokens < 2 ? 0 : (lastAt - firstAt) / 1e6 / (tokens - 1);
      return !failed && secondsToFirst() <= FIRST_TOKEN_SECONDS && meanGap <= MEAN_GAP_MILLIS;
    }
  }

  private static final class Clockwork implements StepModel {
    private final VirtualClock clock;

    Clockwork(VirtualClock clock) {
      this.clock = clock;
    }

    @Override
    public int contextLength() {
      return RecordedArrivals.LONGEST;
    }

    @Override
    public List<List<SampledToken>> step(StepPlan plan) {
      long attended = 0;
      for (StepPlan.Entry entry : plan.entries()) {
        attended += entry.attended();
      }
      clock.advance(
          Duration.ofNanos(
              NANOS_PER_STEP
                  + NANOS_PER_ROW * plan.tokens()
                  + (long) (NANOS_PER_ATTENDED * attended)));
      return Collections.nCopies(plan.samples(), List.of(TOKEN));
    }

    @Override
    public void close() {}
  }

  /**
   * @param firstSeconds times to first tokens, ascending
   * @param gapMillis between tokens, ascending
   * @param well the part of requests that kept both limits
   * @param cached the part of prompts' tokens that came from the cache
   */
  record Result(double[] firstSeconds, double[] gapMillis, double well, double cached) {

    static double at(double[] ascending, double quantile) {
      return ascending[(int) (quantile * (ascending.length - 1))];
    }

    @Override
    public String toString() {
      return String.format(
          Locale.ROOT,
          "%.2f / %.2f s | %.0f / %.0f / %.0f ms | %.1f %% | %.1f %%",
          at(firstSeconds, 0.5),
          at(firstSeconds, 0.99),
          at(gapMillis, 0.5),
          at(gapMillis, 0.99),
          at(gapMillis, 0.999),
          100 * well,
          100 * cached);
    }
  }

  static Result replay(List<Arrival> arrivals, Way way) {
    VirtualClock clock = new VirtualClock();
    Duration target = way == Way.NO_STEP_TARGET ? Duration.ofMinutes(1) : Duration.ZERO;
    Policy usual = Policy.DEFAULT;
    EngineSettings settings =
        new EngineSettings(
            8_192,
            32,
            512,
            64,
            1 << 20,
            Duration.ofHours(1),
            new Policy(1L << 40, target, usual.stallTimeout(), usual.ageing()));
    EngineLoop loop =
        new EngineLoop(
            settings,
            new Clockwork(clock),
            new FakeTokenizer(),
            clock,
            PrefixHash.random(),
            way == Way.FIRST_COME_FIRST_SERVED ? FirstComeFirstServed::new : Scheduler::new);
    List<Integer> gaps = new ArrayList<>();
    List<Reader> readers = new ArrayList<>();
    Random seeds = new Random(1);
    int next = 0;
    boolean computed = true;
    while (computed || next < arrivals.size()) {
      while (next < arrivals.size() && arrivals.get(next).nanos() <= clock.elapsed()) {
        Arrival arrival = arrivals.get(next);
        String salt = way == Way.NO_PREFIX_CACHE ? "own " + next : "";
        Reader reader = new Reader(clock, gaps);
        readers.add(reader);
        loop.submit(
            Requests.request()
                .prompt(arrival.tokens(next))
                .maxTokens(arrival.output())
                .seed(seeds.nextLong())
                .scheduling(new SchedulingSettings(Priority.NORMAL, "", salt, Optional.empty()))
                .build(),
            reader);
        next++;
      }
      computed = loop.turn();
      if (!computed && next < arrivals.size()) {
        clock.advance(Duration.ofNanos(Math.max(1, arrivals.get(next).nanos() - clock.elapsed())));
      }
    }
    EngineSnapshot end = loop.snapshot();
    loop.close();
    return new Result(
        readers.stream().mapToDouble(Reader::secondsToFirst).sorted().toArray(),
        gaps.stream().mapToDouble(micros -> micros / 1e3).sorted().toArray(),
        (double) readers.stream().filter(Reader::wentWell).count() / readers.size(),
        (double) end.cachedPromptTokens() / end.promptTokens());
  }

  /**
   * @param trace its path; behind an @, how many times as fast as recorded it is played
   */
  static List<Arrival> arrivals(String trace) throws IOException {
    String[] parts = trace.split("@", 2);
    double speed = parts.length > 1 ? Double.parseDouble(parts[1]) : 1;
    return RecordedArrivals.read(Path.of(parts[0])).stream()
        .map(arrival -> arrival.sooner(speed))
        .toList();
  }

  public static void main(String[] traces) throws IOException {
    for (String trace : traces) {
      List<Arrival> arrivals = arrivals(trace);
      boolean sharing = arrivals.stream().anyMatch(arrival -> arrival.shared().length > 0);
      for (Way way : Way.values()) {
        if (sharing || way != Way.NO_PREFIX_CACHE) {
          System.out.printf(
              "| %s, %s | %d | %s |%n",
              trace.substring(trace.lastIndexOf('/') + 1),
              way.name().toLowerCase(Locale.ROOT).replace('_', ' '),
              arrivals.size(),
              replay(arrivals, way));
        }
      }
    }
  }
}
