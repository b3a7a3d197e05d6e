namespace PerfCompare.Agent;

/// <summary>
/// The run or warm-up in progress. Whoever was told that it is cancelled will also read so in its
/// reply: a run either ends or is cancelled, never both.
/// </summary>
internal sealed class ActiveRun(string runId) : IDisposable
{
    private readonly CancellationTokenSource _source = new();
    private readonly Lock _lock = new();
    private bool _isCancelled;
    private bool _hasEnded;

    public string RunId { get; } = runId;

    public CancellationToken Token => _source.Token;

    /// <summary>Marks the run as cancelled; false when it had already ended.</summary>
    public bool TryCancel()
    {
        lock (_lock)
        {
            _isCancelled |= !_hasEnded;
            return !_hasEnded;
        }
    }

    /// <summary>Aborts what is in flight, on another thread than the caller's.</summary>
    public Task AbortAsync() => _source.CancelAsync();

    /// <summary>Marks the run as ended and tells whether it was cancelled before.</summary>
    public bool End()
    {
        lock (_lock)
        {
            _hasEnded = true;
            return _isCancelled;
        }
    }

    public void Dispose() => _source.Dispose();
}
