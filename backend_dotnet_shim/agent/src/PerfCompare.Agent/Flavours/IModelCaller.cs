using PerfCompare.Agent.Model;

namespace PerfCompare.Agent.Flavours;

/// <summary>A layer of the stack that makes the calls of an iteration: what is timed.</summary>
internal interface IModelCaller
{
    Task CallAsync(Iteration iteration, CancellationToken cancellationToken);

    /// <summary>The same in pieces; those with text are told to the iteration as they are seen.</summary>
    Task StreamAsync(Iteration iteration, CancellationToken cancellationToken);
}
