package dev.millrace.distribution;

import dev.millrace.catalog.Catalog;
import dev.millrace.catalog.ModelReference;
import dev.millrace.config.SettingsTable;
import dev.millrace.model.ModelFile;
import dev.millrace.tokenizer.Tokenizer;
import dev.millrace.tokenizer.Tokenizers;
import java.io.PrintWriter;
import java.util.Arrays;
import java.util.Base64;
import java.util.List;
import java.util.stream.Collectors;
import picocli.CommandLine;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.Spec;

/** Shows how a model's tokenizer reads a text. */
@Command(
    name = "tokenize",
    mixinStandardHelpOptions = true,
    sortOptions = false,
    description = {
      "Shows a text's tokens: id, bytes, and where each stands in the text's UTF-8.",
      "A file that holds a vocabulary and no weights will do."
    })
final class TokenizeCommand implements Runnable {
  @Parameters(paramLabel = "TEXT", description = "The text.")
  private String text = "";

  @Option(
      names = "--model",
      paramLabel = "M",
      description = "Model: " + ModelReference.FORMS + ". Default: the catalogue's.")
  private String model = "";

  @Option(names = "--ids", description = "Prints just the ids, on one line.")
  private boolean ids;

  @Option(
      names = "--json",
      description = JsonLines.DESCRIPTION + " A token's piece is in Base64, as in the API.")
  private boolean json;

  @Option(
      names = "--add-special",
      description = "Adds what the model expects around a prompt, like a BOS token.")
  private boolean addSpecial;

  @Option(
      names = "--parse-special",
      description = "Reads special tokens' own texts, like <|im_start|>, as those tokens.")
  private boolean parseSpecial;

  @Spec private CommandSpec spec;

  private TokenizeCommand() {}

  static CommandLine commandLine() {
    CommandSpec spec = CommandSpec.forAnnotatedObject(new TokenizeCommand());
    return new CommandLine(spec.addOption(Settings.option(SettingsTable.MODEL_CACHE)));
  }

  @Override
  public void run() {
    if (ids && json) {
      throw new ParameterException(spec.commandLine(), "give one of --ids and --json at most");
    }
    PrintWriter out = spec.commandLine().getOut();
    Catalog catalog = Settings.catalog(spec.commandLine().getParseResult());
    try (ModelFile file = catalog.open(ModelReference.parse(model))) {
      Tokenizer tokenizer = Tokenizers.from(file.metadata());
      if (ids) {
        out.println(
            Arrays.stream(tokenizer.encode(text, addSpecial, parseSpecial))
                .mapToObj(Integer::toString)
                .collect(Collectors.joining(" ")));
      } else if (json) {
        for (Tokenizer.TokenSpan token :
            tokenizer.encodeWithSpans(text, addSpecial, parseSpecial)) {
          out.println(JsonLines.line(Token.of(token, tokenizer)));
        }
      } else {
        table(tokenizer, tokenizer.encodeWithSpans(text, addSpecial, parseSpecial)).print(out);
      }
    }
  }

  private record Token(int id, int begin, int end, String piece) {
    static Token of(Tokenizer.TokenSpan span, Tokenizer tokenizer) {
      String piece = Base64.getEncoder().encodeToString(tokenizer.piece(span.id()));
      return new Token(span.id(), span.begin(), span.end(), piece);
    }
  }

  private static Table table(Tokenizer tokenizer, List<Tokenizer.TokenSpan> tokens) {
    Table table = new Table("ID", "BYTES", "PIECE");
    for (Tokenizer.TokenSpan token : tokens) {
      table.add(
          token.id(),
          token.begin() + "-" + token.end(),
          Printable.quote(tokenizer.piece(token.id())));
    }
    return table;
  }
}
