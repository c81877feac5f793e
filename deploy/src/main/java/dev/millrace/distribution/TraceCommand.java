package dev.millrace.distribution;

import dev.millrace.measure.Workbench;
import dev.millrace.model.ModelFile;
import dev.millrace.network.Chunk;
import dev.millrace.network.NetworkConfig;
import dev.millrace.network.StepLimits;
import dev.millrace.tensor.Matrix;
import dev.millrace.tokenizer.Tokenizers;
import dev.millrace.trace.NpzDifference;
import dev.millrace.trace.NpzProbe;
import dev.millrace.trace.Probe;
import java.io.IOException;
import java.io.PrintWriter;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.BitSet;
import java.util.List;
import java.util.Locale;
import java.util.concurrent.Callable;
import java.util.function.Predicate;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Parameters;

/** Shows every intermediate tensor of one step. */
@Command(
    name = "trace",
    mixinStandardHelpOptions = true,
    sortOptions = false,
    description = {
      "Runs a prompt through the network in one step, and lists its intermediate tensors by"
          + " llama.cpp's names, or writes them for numpy.load.",
      "--diff compares two such files and names the first tensor that differs, in the network's"
          + " order; exit code 1 if there is one."
    })
final class TraceCommand implements Callable<Integer> {
  /** Logits of all positions are kept at once. */
  private static final int MAX_TOKENS = 2048;

  private static final Pattern LAYER = Pattern.compile("blk\\.(\\d+)\\..*");
  private static final Pattern RANGE = Pattern.compile("(\\d{1,4})(?:-(\\d{1,4}))?");

  @Parameters(paramLabel = "PROMPT", arity = "0..1", description = "The text.")
  private @Nullable String prompt;

  @Option(
      names = "--ids",
      paramLabel = "ID",
      split = ",",
      description = "Token ids, in place of a text.")
  private int @Nullable [] ids;

  @Option(
      names = "--layers",
      paramLabel = "L",
      description =
          "Only these layers, like 0,4-7, beside what is outside of layers. Default: all.")
  private String layers = "";

  @Option(
      names = "--out",
      paramLabel = "F.npz",
      description = "Writes the tensors there, for numpy.load.")
  private @Nullable Path out;

  @Option(
      names = "--diff",
      paramLabel = "F.npz",
      arity = "2",
      description = "Two traces to compare, in place of a prompt. NumPy's own files will do.")
  private Path @Nullable [] diff;

  @Option(
      names = "--tolerance",
      paramLabel = "X",
      description =
          "Differences up to this part of a tensor's largest magnitude are none. Default: 0.")
  private double tolerance;

  @Option(names = "--json", description = JsonLines.DESCRIPTION + " With --diff, one object.")
  private boolean json;

  private final CommandSpec spec = CommandSpec.forAnnotatedObject(this);
  private final NetworkOptions network = NetworkOptions.addTo(spec);

  private TraceCommand() {}

  static CommandLine commandLine() {
    return new CommandLine(new TraceCommand().spec);
  }

  @Override
  public Integer call() throws IOException {
    int sources = (prompt == null ? 0 : 1) + (ids == null ? 0 : 1) + (diff == null ? 0 : 1);
    if (sources != 1) {
      throw refuse("one of PROMPT, --ids and --diff must be given");
    }
    if (json && out != null) {
      throw refuse("with --out nothing is printed; leave out --json");
    }
    if (diff != null) {
      return compare(diff[0], diff[1]);
    }
    Predicate<String> wanted = wanted();
    try (ModelFile file = network.open()) {
      int[] tokens =
          ids != null
              ? ids
              : Tokenizers.from(file.metadata()).encode(String.valueOf(prompt), true, false);
      int most = Math.min(MAX_TOKENS, NetworkConfig.from(file).contextLength());
      if (tokens.length < 1 || tokens.length > most) {
        throw refuse("a prompt of " + tokens.length + " tokens; allowed are 1 to " + most);
      }
      StepLimits limits = new StepLimits(tokens.length, tokens.length, tokens.length);
      try (Workbench workbench = new Workbench(file, network.setup(), limits, 1)) {
        trace(workbench, tokens, wanted);
      }
    }
    return 0;
  }

  private void trace(Workbench workbench, int[] tokens, Predicate<String> wanted)
      throws IOException {
    List<Chunk> step =
        List.of(new Chunk(tokens, 0, tokens.length, 0, workbench.sequence(0), tokens.length));
    if (out != null) {
      try (NpzProbe probe = new NpzProbe(out, wanted)) {
        workbench.network().probe(probe);
        workbench.forward(step);
      }
      return;
    }
    List<Described> tensors = new ArrayList<>();
    Probe probe =
        (name, matrix) -> {
          if (wanted.test(name)) {
            tensors.add(describe(name, matrix));
          }
        };
    workbench.network().probe(probe);
    workbench.forward(step);
    print(tensors);
  }

  /** What a tensor holds, but for what isn't finite. */
  private record Described(
      String tensor,
      List<Integer> shape,
      double mean,
      double rms,
      double largest,
      long notFinite) {}

  private void print(List<Described> tensors) {
    PrintWriter printer = spec.commandLine().getOut();
    if (json) {
      tensors.forEach(each -> printer.println(JsonLines.line(each)));
      return;
    }
    Table table = new Table("TENSOR", "SHAPE", "MEAN", "RMS", "LARGEST", "NOT FINITE");
    for (Described each : tensors) {
      table.add(
          each.tensor,
          each.shape,
          number(each.mean),
          number(each.rms),
          number(each.largest),
          each.notFinite);
    }
    table.print(printer);
  }

  private static Described describe(String name, Matrix<?, ?> matrix) {
    double sum = 0;
    double squares = 0;
    double largest = 0;
    long notFinite = 0;
    for (int row = 0; row < matrix.rows(); row++) {
      for (int column = 0; column < matrix.columns(); column++) {
        double value = matrix.get(row, column);
        if (!Double.isFinite(value)) {
          notFinite++;
          continue;
        }
        sum += value;
        squares += value * value;
        largest = Math.max(largest, Math.abs(value));
      }
    }
    double all = (double) matrix.rows() * matrix.columns() - notFinite;
    List<Integer> shape = List.of(matrix.rows(), matrix.columns());
    return new Described(name, shape, sum / all, Math.sqrt(squares / all), largest, notFinite);
  }

  private record Compared(
      int compared,
      NpzDifference.@Nullable Tensor differs,
      List<String> onlyInA,
      List<String> onlyInB) {
    static Compared of(NpzDifference found) {
      return new Compared(
          found.compared(), found.first().orElse(null), found.onlyInA(), found.onlyInB());
    }
  }

  private int compare(Path a, Path b) throws IOException {
    NpzDifference difference = NpzDifference.of(a, b, tolerance);
    PrintWriter printer = spec.commandLine().getOut();
    if (json) {
      printer.println(JsonLines.line(Compared.of(difference)));
    } else {
      if (difference.first().isEmpty()) {
        printer.println(difference.compared() + " tensors, and none differs");
      }
      difference.first().ifPresent(tensor -> printer.println(describe(tensor)));
      tellMissing(a, difference.onlyInA());
      tellMissing(b, difference.onlyInB());
    }
    return difference.first().isEmpty() ? 0 : 1;
  }

  private void tellMissing(Path file, List<String> names) {
    if (!names.isEmpty()) {
      spec.commandLine()
          .getOut()
          .println(
              "only in %s: %d tensors, %s the first"
                  .formatted(file, names.size(), names.getFirst()));
    }
  }

  private static String describe(NpzDifference.Tensor tensor) {
    return switch (tensor) {
      case NpzDifference.Shapes shapes ->
          "%s: shapes %s and %s".formatted(shapes.name(), shapes.a(), shapes.b());
      case NpzDifference.Values values ->
          "%s: %d of %d values differ, most at %s: %s and %s, by %s (%s of the largest magnitude)"
              .formatted(
                  values.name(),
                  values.differing(),
                  values.all(),
                  values.at(),
                  values.valueA(),
                  values.valueB(),
                  number(values.largest()),
                  number(values.relative()));
    };
  }

  private static String number(double value) {
    return String.format(Locale.ROOT, "%.6g", value);
  }

  private Predicate<String> wanted() {
    if (layers.isEmpty()) {
      return name -> true;
    }
    BitSet chosen = new BitSet();
    for (String part : layers.split(",", -1)) {
      Matcher range = RANGE.matcher(part.strip());
      if (!range.matches()) {
        throw refuse("--layers is \"" + layers + "\", allowed are numbers and ranges, like 0,4-7");
      }
      int from = Integer.parseInt(range.group(1));
      int to = range.group(2) == null ? from : Integer.parseInt(range.group(2));
      if (to < from) {
        throw refuse("--layers: " + part + " ends before it begins");
      }
      chosen.set(from, to + 1);
    }
    return name -> {
      Matcher layer = LAYER.matcher(name);
      return !layer.matches() || chosen.get(Integer.parseInt(layer.group(1)));
    };
  }

  private ParameterException refuse(String problem) {
    return new ParameterException(spec.commandLine(), problem);
  }
}
