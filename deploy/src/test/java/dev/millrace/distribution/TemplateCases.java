package dev.millrace.distribution;

import dev.millrace.template.ChatTemplate;
import dev.millrace.template.Conversation;
import dev.millrace.template.JsonData;
import dev.millrace.template.Text;
import dev.millrace.template.Value;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Clock;
import java.time.ZoneId;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/** What tools/chat_templates.py recorded. */
record TemplateCases(List<Case> cases) {
  /**
   * @param expected null where jinja2 raises
   */
  record Case(
      String template,
      String conversation,
      String source,
      Conversation given,
      @Nullable String expected) {
    String name() {
      return template + ", " + conversation;
    }

    String render() {
      return ChatTemplate.compile(source)
          .render(
              given.variables(Optional.of("<s>"), Optional.of("</s>")),
              Clock.system(ZoneId.systemDefault()))
          .text();
    }
  }

  static TemplateCases read(Path file) throws IOException {
    Value.Sequence all = (Value.Sequence) JsonData.read(Files.readString(file));
    return new TemplateCases(all.items().stream().map(each -> toCase((Value.Dict) each)).toList());
  }

  private static Case toCase(Value.Dict recorded) {
    List<Value> tools =
        recorded.get("tools") instanceof Value.Sequence list ? list.items() : List.of();
    Conversation given =
        new Conversation(
            ((Value.Sequence) recorded.get("messages")).items(),
            tools,
            Value.TRUE.equals(recorded.get("add_generation_prompt")),
            Map.of());
    return new Case(
        String.valueOf(recorded.get("template")),
        String.valueOf(recorded.get("conversation")),
        String.valueOf(recorded.get("source")),
        given,
        recorded.get("expected") instanceof Text text ? text.value() : null);
  }
}
