package dev.millrace.distribution;

import static java.nio.charset.StandardCharsets.UTF_8;

import dev.millrace.kernel.tier.Tiers;
import dev.millrace.measure.KernelProfile;
import dev.millrace.measure.Machine;
import dev.millrace.measure.Peaks;
import dev.millrace.measure.Setup;
import dev.millrace.measure.StepBench;
import dev.millrace.measure.StepBench.Effort;
import dev.millrace.model.ModelFile;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.io.PrintWriter;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.Callable;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;

/** Times a model's steps without a server. */
@Command(
    name = "bench-step",
    mixinStandardHelpOptions = true,
    sortOptions = false,
    description = {
      "Measures prefill and decode in this process, as llama-bench does: the network alone, without"
          + " sampling, scheduling or gRPC.",
      "Prints medians of several repetitions after a warm-up, beside what this machine's cores and"
          + " memory can do at most, measured at the start."
    })
final class BenchStepCommand implements Callable<Integer> {
  private static final int MAX_BATCH = 4096;
  private static final int MAX_TOKENS = 1 << 24; // positions: more than any model's context
  private static final int MAX_REPETITIONS = 10_000;
  private static final long WARM_UP_NANOS = 2_000_000_000;
  private static final long AGAIN_NANOS = 100_000_000; // what others do meanwhile cools caches only

  @Option(
      names = "--batch",
      paramLabel = "N",
      split = ",",
      description =
          "Sequences that are decoded together; several, separated by commas, are measured one"
              + " after the other. Default: 1,8,32.")
  private List<Integer> batches = List.of(1, 8, 32);

  @Option(
      names = "--prompt",
      paramLabel = "P",
      description =
          "Tokens of the prompt that is prefilled; 0 measures no prefill. Default:"
              + " ${DEFAULT-VALUE}.")
  private int prompt = 512;

  @Option(
      names = "--context",
      paramLabel = "C",
      description = "Tokens that sequences have when decoding begins. Default: ${DEFAULT-VALUE}.")
  private int context = 128;

  @Option(
      names = "--repetitions",
      paramLabel = "R",
      description = "Repetitions for each figure, whose median counts. Default: ${DEFAULT-VALUE}.")
  private int repetitions = 7;

  @Option(
      names = "--again",
      description =
          "Measures anew for each line on standard input, for who alternates with others; reports"
              + " of --json - are then a line each.")
  private boolean again;

  @Option(
      names = "--json",
      paramLabel = "F",
      description = "Writes the report there too; - prints it instead of the table.")
  private @Nullable String json;

  @Option(
      names = "--profile",
      description =
          "Prints where the time goes, by kernel and kind of layer, and what takes memory. Speeds"
              + " are then some percent lower than without.")
  private boolean profile;

  private final CommandSpec spec = CommandSpec.forAnnotatedObject(this);
  private final NetworkOptions network = NetworkOptions.addTo(spec);

  private BenchStepCommand() {}

  static CommandLine commandLine() {
    return new CommandLine(new BenchStepCommand().spec);
  }

  @Override
  public Integer call() throws IOException {
    network.check("--prompt", prompt, 0, MAX_TOKENS);
    network.check("--context", context, 0, MAX_TOKENS);
    network.check("--repetitions", repetitions, 1, MAX_REPETITIONS);
    batches.forEach(batch -> network.check("--batch", batch, 1, MAX_BATCH));
    Setup setup = network.setup();
    int maxBatch = batches.stream().mapToInt(batch -> batch).max().orElse(1);
    try (ModelFile file = network.open()) {
      Optional<KernelProfile> recorder =
          profile ? Optional.of(new KernelProfile(setup.kernels())) : Optional.empty();
      Setup used = recorder.map(KernelProfile::kernels).map(setup::with).orElse(setup);
      Runnable warm = () -> recorder.ifPresent(KernelProfile::reset);
      try (StepBench bench = new StepBench(file, used, maxBatch, prompt, context, warm)) {
        BenchStepReport.Setup described =
            new BenchStepReport.Setup(
                Machine.cpu(),
                Tiers.isa(setup.kernels()),
                setup.kernels().name(),
                setup.activations().toString(),
                file.name(),
                setup.threads(),
                Peaks.measure(bench.team()),
                bench.quantized(),
                bench.memory(),
                bench.kvBytes());
        BufferedReader lines = new BufferedReader(new InputStreamReader(System.in, UTF_8));
        long warmUp = WARM_UP_NANOS;
        do {
          BenchStepReport report = new BenchStepReport(described);
          measure(bench, new Effort(repetitions, warmUp), report, recorder);
          print(report);
          warmUp = AGAIN_NANOS;
        } while (again && lines.readLine() != null);
      }
    }
    return 0;
  }

  private void measure(
      StepBench bench, Effort effort, BenchStepReport report, Optional<KernelProfile> recorder) {
    if (prompt > 0) {
      report.add(bench.prefill(prompt, effort), recorder.map(KernelProfile::rows));
    }
    for (int batch : batches) {
      report.add(bench.decode(batch, context, effort), recorder.map(KernelProfile::rows));
    }
  }

  private void print(BenchStepReport report) throws IOException {
    PrintWriter out = spec.commandLine().getOut();
    if ("-".equals(json)) {
      out.println(again ? report.jsonLine() : report.json());
      out.flush();
      return;
    }
    report.print(out);
    if (json != null) {
      Files.writeString(Path.of(json), report.json() + "\n");
    }
  }
}
