package dev.millrace.distribution;

import dev.millrace.catalog.Catalog;
import dev.millrace.catalog.ModelReference;
import dev.millrace.config.InvalidSettingException;
import dev.millrace.config.Setting;
import dev.millrace.config.SettingsTable;
import dev.millrace.kernel.Kernels;
import dev.millrace.kernel.tier.Tiers;
import dev.millrace.measure.KernelProfile;
import dev.millrace.measure.Machine;
import dev.millrace.measure.Peaks;
import dev.millrace.measure.StepBench;
import dev.millrace.model.ModelFile;
import java.io.IOException;
import java.io.PrintWriter;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.Callable;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Spec;

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
  private static final List<Setting<?>> SETTINGS =
      List.of(
          SettingsTable.MODEL_CACHE,
          SettingsTable.THREADS,
          SettingsTable.KERNELS,
          SettingsTable.ISA);

  /** What quantized weights meet. */
  private static final String ACTIVATIONS = "int8";

  private static final int MAX_BATCH = 4096;
  private static final int MAX_TOKENS = 1 << 24; // positions: more than any model's context

  @Option(
      names = "--model",
      paramLabel = "M",
      description = "Model: " + ModelReference.FORMS + ". Default: the catalogue's.")
  private String model = "";

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

  @Spec private CommandSpec spec;

  private BenchStepCommand() {}

  static CommandLine commandLine() {
    CommandSpec spec = CommandSpec.forAnnotatedObject(new BenchStepCommand());
    SETTINGS.forEach(setting -> spec.addOption(Settings.option(setting)));
    return new CommandLine(spec);
  }

  @Override
  public Integer call() throws IOException {
    check("--prompt", prompt, 0, MAX_TOKENS);
    check("--context", context, 0, MAX_TOKENS);
    batches.forEach(batch -> check("--batch", batch, 1, MAX_BATCH));
    Catalog catalog = Settings.catalog(spec.commandLine().getParseResult());
    Kernels kernels =
        Tiers.choose(setting(SettingsTable.KERNELS), setting(SettingsTable.ISA)).kernels();
    int threads = setting(SettingsTable.THREADS);
    int maxBatch = batches.stream().mapToInt(batch -> batch).max().orElse(1);
    try (ModelFile file = catalog.open(ModelReference.parse(model))) {
      Optional<KernelProfile> recorder =
          profile ? Optional.of(new KernelProfile(kernels, file)) : Optional.empty();
      Kernels used = recorder.map(KernelProfile::kernels).orElse(kernels);
      Runnable warm = () -> recorder.ifPresent(KernelProfile::reset);
      try (StepBench bench = new StepBench(file, used, threads, maxBatch, prompt, context, warm)) {
        BenchStepReport report =
            new BenchStepReport(
                new BenchStepReport.Setup(
                    Machine.cpu(),
                    Tiers.isa(kernels),
                    kernels.name(),
                    ACTIVATIONS,
                    file.name(),
                    threads,
                    Peaks.measure(bench.team()),
                    bench.quantized(),
                    bench.memory(),
                    bench.kvBytes()));
        measure(bench, report, recorder);
        print(report);
      }
    }
    return 0;
  }

  private void measure(StepBench bench, BenchStepReport report, Optional<KernelProfile> recorder) {
    if (prompt > 0) {
      report.add(bench.prefill(prompt), recorder.map(KernelProfile::rows));
    }
    for (int batch : batches) {
      report.add(bench.decode(batch, context), recorder.map(KernelProfile::rows));
    }
  }

  private void print(BenchStepReport report) throws IOException {
    PrintWriter out = spec.commandLine().getOut();
    if ("-".equals(json)) {
      out.println(report.json());
      return;
    }
    report.print(out);
    if (json != null) {
      Files.writeString(Path.of(json), report.json() + "\n");
    }
  }

  private <T> T setting(Setting<T> setting) {
    Map<String, List<String>> given = Settings.given(spec.commandLine().getParseResult(), SETTINGS);
    try {
      return setting.value(given, System.getenv());
    } catch (InvalidSettingException e) {
      throw new ParameterException(spec.commandLine(), e.getMessage(), e);
    }
  }

  private void check(String flag, int value, int least, int most) {
    if (value < least || value > most) {
      throw new ParameterException(
          spec.commandLine(), "%s is %d, allowed is %d to %d".formatted(flag, value, least, most));
    }
  }
}
