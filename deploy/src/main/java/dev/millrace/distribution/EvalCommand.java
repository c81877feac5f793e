package dev.millrace.distribution;

import com.google.gson.JsonObject;
import dev.millrace.measure.Perplexity;
import dev.millrace.measure.Setup;
import dev.millrace.model.ModelFile;
import dev.millrace.tokenizer.Tokenizer;
import dev.millrace.tokenizer.Tokenizers;
import java.io.IOException;
import java.io.PrintWriter;
import java.nio.charset.CharacterCodingException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Locale;
import java.util.OptionalInt;
import java.util.concurrent.Callable;
import picocli.CommandLine;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;

/** Measures how good a model's answers are, not how fast. */
@Command(
    name = "eval",
    mixinStandardHelpOptions = true,
    synopsisSubcommandLabel = "COMMAND",
    description = "Measures how well a model, and its arithmetic, predict text.")
final class EvalCommand implements Runnable {
  private final CommandSpec spec = CommandSpec.forAnnotatedObject(this);

  private EvalCommand() {}

  static CommandLine commandLine() {
    EvalCommand eval = new EvalCommand();
    eval.spec.addSubcommand(null, new CommandLine(new PerplexityCommand().spec));
    return new CommandLine(eval.spec);
  }

  @Override
  public void run() {
    throw new ParameterException(spec.commandLine(), "no command was given: perplexity");
  }

  @Command(
      name = "perplexity",
      mixinStandardHelpOptions = true,
      sortOptions = false,
      description = {
        "Perplexity of a text, as llama-perplexity defines it, so that figures compare: chunks of"
            + " one context, of which the second half counts.",
        "Prints the estimate after each chunk."
      })
  static final class PerplexityCommand implements Callable<Integer> {
    private static final int LEAST_CONTEXT = 8;

    @Option(names = "--file", paramLabel = "F", required = true, description = "A text, in UTF-8.")
    private Path file = Path.of("");

    @Option(
        names = "--context",
        paramLabel = "N",
        description = "Tokens of a chunk. Default: ${DEFAULT-VALUE}.")
    private int context = 512;

    @Option(
        names = "--chunks",
        paramLabel = "N",
        description = "Reads so many chunks at most. Default: all of the text's.")
    private int maxChunks = Integer.MAX_VALUE;

    @Option(
        names = "--json",
        description = "Prints JSON, an object a line; the last one has the result.")
    private boolean json;

    private final CommandSpec spec = CommandSpec.forAnnotatedObject(this);
    private final NetworkOptions network = NetworkOptions.addTo(spec);

    @Override
    public Integer call() throws IOException {
      network.check("--chunks", maxChunks, 1, Integer.MAX_VALUE);
      PrintWriter out = spec.commandLine().getOut();
      String text = text();
      Setup setup = network.setup();
      try (ModelFile model = network.open()) {
        Tokenizer tokenizer = Tokenizers.from(model.metadata());
        int[] tokens = tokenizer.encode(text, true, false);
        OptionalInt bos = tokenizer.addsBos() ? tokenizer.bos() : OptionalInt.empty();
        network.check("--context", context, LEAST_CONTEXT, tokens.length / 2);
        try (Perplexity perplexity = new Perplexity(model, setup, context)) {
          Perplexity.Estimate estimate =
              perplexity.of(tokens, bos, maxChunks, each -> out.println(line(each)));
          out.println(result(estimate, model.name()));
        }
      }
      return 0;
    }

    /** llama.cpp, too, leaves out a newline that ends the file. */
    private String text() throws IOException {
      try {
        String text = Files.readString(file);
        return text.endsWith("\n") ? text.substring(0, text.length() - 1) : text;
      } catch (CharacterCodingException e) {
        throw new IOException(file + ": not UTF-8", e);
      }
    }

    private String line(Perplexity.Estimate estimate) {
      return json
          ? json(estimate).toString()
          : String.format(Locale.ROOT, "[%d] %.4f", estimate.chunks(), estimate.perplexity());
    }

    private String result(Perplexity.Estimate estimate, String model) {
      if (!json) {
        return String.format(
            Locale.ROOT,
            "perplexity %.4f ± %.4f, over %d tokens in %d chunks of %d",
            estimate.perplexity(),
            estimate.standardError(),
            estimate.tokens(),
            estimate.chunks(),
            context);
      }
      JsonObject result = json(estimate);
      result.addProperty("model", model);
      result.addProperty("context", context);
      return result.toString();
    }

    private static JsonObject json(Perplexity.Estimate estimate) {
      JsonObject json = new JsonObject();
      json.addProperty("chunks", estimate.chunks());
      json.addProperty("tokens", estimate.tokens());
      json.addProperty("perplexity", estimate.perplexity());
      json.addProperty("standard_error", estimate.standardError());
      return json;
    }
  }
}
