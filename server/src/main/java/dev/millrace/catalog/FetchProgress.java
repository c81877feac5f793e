package dev.millrace.catalog;

/** Hears how a download goes. Called from the thread that fetches. */
public interface FetchProgress {
  /** Something worth a line: what is fetched from where, what broke off. */
  void note(String line);

  /** How far a file has come; called many times a second. */
  void transferred(String file, long bytes, long total);

  /** Hears nothing. */
  static FetchProgress silent() {
    return new FetchProgress() {
      @Override
      public void note(String line) {}

      @Override
      public void transferred(String file, long bytes, long total) {}
    };
  }
}
