package dev.millrace.engine;

import dev.millrace.engine.EngineSettings.Policy;
import dev.millrace.engine.GenerationEvent.Delta;
import dev.millrace.request.GenerationRequest.Priority;
import dev.millrace.request.GenerationRequest.SchedulingSettings;
import dev.millrace.sampling.SampledToken;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.time.LocalDateTime;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import java.util.Random;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * An hour of recorded arrivals, on the engine's real machine with a virtual clock and a model that
 * only takes time. {@link #main} takes traces (Azure's, CSV; Mooncake's, JSONL) and prints, for
 * each policy, how long first tokens took, what lay between tokens, and how many requests went
 * well. The tests' class path has it.
 */
final class TraceReplay {
  private static final Duration HOUR = Duration.ofHours(1);

  // The model: one that an hour of these arrivals keeps busy.
  private static final long NANOS_PER_STEP = 2_000_000;
  private static final long NANOS_PER_ROW = 30_000;
  private static final double NANOS_PER_ATTENDED = 3;

  private static final int LONGEST = 16_000; // tokens of a request
  private static final int SCALE = 16; // Mooncake's lengths are divided by it
  private static final int SHARED = 512 / SCALE; // tokens that one of its hashes stands for
  private static final SampledToken TOKEN = new SampledToken(2, Float.NaN, 0, List.of());

  // What is called going well.
  private static final double FIRST_TOKEN_SECONDS = 2;
  private static final double MEAN_GAP_MILLIS = 100;

  private TraceReplay() {}

  /**
   * @param shared hashes of its first parts; what comes behind is its own
   */
  private record Arrival(long nanos, int prompt, int output, long[] shared) {

    int[] tokens(int index) {
      int[] tokens = new int[prompt];
      for (int i = 0; i < prompt; i++) {
        int part = i / SHARED;
        long seed = part < shared.length ? shared[part] : -1 - index;
        tokens[i] =
            2 + (int) Long.remainderUnsigned((seed * 31 + i) * 0x9E3779B97F4A7C15L >>> 17, 9);
      }
      return tokens;
    }
  }

  private enum Way {
    AS_IT_IS,
    NO_PREFIX_CACHE,
    NO_STEP_TARGET
  }

  private static List<Arrival> read(Path path) throws IOException {
    List<Arrival> all = new ArrayList<>();
    for (String line : Files.readAllLines(path)) {
      Arrival arrival = path.toString().endsWith(".csv") ? ofAzure(line) : ofMooncake(line);
      if (arrival != null) {
        all.add(arrival);
      }
    }
    long first = all.getFirst().nanos();
    return all.stream()
        .map(a -> new Arrival(a.nanos() - first, a.prompt(), a.output(), a.shared()))
        .filter(a -> a.nanos() < HOUR.toNanos() && a.prompt() + a.output() < LONGEST)
        .toList();
  }

  private static Arrival ofAzure(String line) {
    String[] fields = line.split(",", -1);
    if (fields.length != 3 || fields[0].startsWith("TIME")) {
      return null;
    }
    LocalDateTime at = LocalDateTime.parse(fields[0].strip().replace(' ', 'T'));
    long nanos =
        at.toLocalTime().toNanoOfDay() + at.toLocalDate().toEpochDay() * 86_400_000_000_000L;
    return new Arrival(
        nanos,
        Math.max(1, Integer.parseInt(fields[1].strip())),
        Math.max(1, Integer.parseInt(fields[2].strip())),
        new long[0]);
  }

  private static final Pattern NUMBER = Pattern.compile("\"(\\w+)\": *(\\d+)");
  private static final Pattern HASHES = Pattern.compile("\"hash_ids\": *\\[([^\\]]*)\\]");

  private static Arrival ofMooncake(String line) {
    long at = 0;
    int prompt = 1;
    int output = 1;
    Matcher number = NUMBER.matcher(line);
    while (number.find()) {
      long value = Long.parseLong(number.group(2));
      switch (number.group(1)) {
        case "timestamp" -> at = value * 1_000_000;
        case "input_length" -> prompt = Math.max(1, (int) value / SCALE);
        case "output_length" -> output = Math.max(1, (int) value);
        default -> {}
      }
    }
    Matcher hashes = HASHES.matcher(line);
    long[] shared =
        hashes.find()
            ? Arrays.stream(hashes.group(1).split(","))
                .mapToLong(h -> Long.parseLong(h.strip()))
                .toArray()
            : new long[0];
    return new Arrival(at, prompt, output, shared);
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
      return LONGEST;
    }

    @Override
    public List<SampledToken> step(StepPlan plan) {
      long attended = 0;
      for (StepPlan.Entry entry : plan.entries()) {
        attended += entry.attended();
      }
      clock.advance(
          Duration.ofNanos(
              NANOS_PER_STEP
                  + NANOS_PER_ROW * plan.tokens()
                  + (long) (NANOS_PER_ATTENDED * attended)));
      return Collections.nCopies(plan.samples(), TOKEN);
    }

    @Override
    public void close() {}
  }

  private static void replay(String name, List<Arrival> arrivals, Way way) {
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
    EngineLoop loop = new EngineLoop(settings, new Clockwork(clock), new FakeTokenizer(), clock);
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
    double[] first = readers.stream().mapToDouble(Reader::secondsToFirst).sorted().toArray();
    double[] between = gaps.stream().mapToDouble(micros -> micros / 1e3).sorted().toArray();
    long well = readers.stream().filter(Reader::wentWell).count();
    EngineSnapshot end = loop.snapshot();
    System.out.printf(
        "| %s, %s | %d | %.2f / %.2f s | %.0f / %.0f ms | %.1f %% | %.1f %% | %.2f %% |%n",
        name,
        way.name().toLowerCase(Locale.ROOT).replace('_', ' '),
        readers.size(),
        at(first, 0.5),
        at(first, 0.99),
        at(between, 0.5),
        at(between, 0.99),
        100.0 * well / readers.size(),
        100.0 * end.cachedPromptTokens() / end.promptTokens(),
        100.0 * end.recomputedTokens() / (end.promptTokens() + end.completionTokens()));
    loop.close();
  }

  private static double at(double[] sorted, double quantile) {
    return sorted[(int) (quantile * (sorted.length - 1))];
  }

  public static void main(String[] traces) throws IOException {
    for (String trace : traces) {
      Path path = Path.of(trace);
      List<Arrival> arrivals = read(path);
      boolean sharing = arrivals.stream().anyMatch(arrival -> arrival.shared().length > 0);
      for (Way way : Way.values()) {
        if (sharing || way != Way.NO_PREFIX_CACHE) {
          replay(path.getFileName().toString(), arrivals, way);
        }
      }
    }
  }
}
