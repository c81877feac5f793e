package dev.millrace.request;

import static dev.millrace.request.InvalidRequestException.invalid;

import dev.millrace.grammar.FormatCompiler;
import dev.millrace.grammar.automaton.FormatException;
import dev.millrace.grammar.machine.CompiledFormat;
import dev.millrace.grammar.machine.Constraint;
import dev.millrace.tokenizer.Tokenizer;
import dev.millrace.v1.ResponseFormat;
import java.util.function.Function;

/**
 * Formats that outputs obey. Compiling one takes a bounded time, up to about a second: never on an
 * event loop or the engine's thread.
 */
final class FormatReader {
  private static final String PATH = "response_format.";

  private FormatReader() {}

  /**
   * @throws InvalidRequestException naming the format's field; of a schema, the place in it
   */
  static CompiledFormat read(ResponseFormat asked, FormatCompiler formats) {
    Checks.atMost("response_format", "bytes", asked.getSerializedSize(), Limits.MAX_FORMAT_BYTES);
    return switch (asked.getFormatCase()) {
      case JSON_SCHEMA -> compile("json_schema", asked.getJsonSchema(), formats::jsonSchema);
      case REGEX -> compile("regex", asked.getRegex(), formats::regex);
      case CHOICE -> compile("choice.options", asked.getChoice().getOptionsList(), formats::choice);
      case GRAMMAR -> compile("grammar", asked.getGrammar(), formats::grammar);
      case JSON_OBJECT -> formats.jsonObject();
      case FORMAT_NOT_SET ->
          throw invalid(
              "response_format",
              "empty; give one of json_schema, regex, choice, grammar, json_object");
    };
  }

  private static <T> CompiledFormat compile(
      String field, T format, Function<T, CompiledFormat> compiler) {
    try {
      return compiler.apply(format);
    } catch (FormatException e) {
      String place = e.where().isEmpty() ? "" : "#" + e.where() + " ";
      throw invalid(PATH + field, place + e.getMessage());
    }
  }

  /**
   * @throws InvalidRequestException if tokens that the caller gives back can't have come from here
   */
  static void checkResumed(GenerationRequest request, Tokenizer tokenizer) {
    if (request.resume().isEmpty() || request.format().isEmpty()) {
      return;
    }
    for (int candidate = 0; candidate < request.candidateCount(); candidate++) {
      Constraint constraint = request.constraint(tokenizer).orElseThrow();
      int[] tokens = request.resume().get().tokens(candidate);
      for (int i = 0; i < tokens.length; i++) {
        if (!constraint.allows(tokens[i])) {
          throw invalid(
              "resume.candidates[%d].ids[%d]".formatted(candidate, i),
              tokens[i] + "; the response format doesn't allow it there");
        }
        constraint.accept(tokens[i]);
      }
    }
  }
}
