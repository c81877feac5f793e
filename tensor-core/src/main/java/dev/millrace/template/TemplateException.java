package dev.millrace.template;

/** Why a template can't be compiled or rendered, and in which of its lines. */
public final class TemplateException extends RuntimeException {
  private static final long serialVersionUID = 1L;

  private final int line;

  /** Where the line isn't known; see {@link #at}. */
  TemplateException(String problem) {
    super(problem);
    this.line = 0;
  }

  TemplateException(int line, String problem) {
    super("line " + line + ": " + problem);
    this.line = line;
  }

  /** The same with a line, unless it has one. */
  TemplateException at(int here) {
    if (line > 0) {
      return this;
    }
    TemplateException located = new TemplateException(here, String.valueOf(getMessage()));
    located.setStackTrace(getStackTrace());
    return located;
  }

  /** From 1; 0 where the template as a whole is meant. */
  public int line() {
    return line;
  }
}
